	.local  	i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, v128, v128, v128, v128, v128, v128, v128, v128, v128, v128, v128, v128, v128, v128, v128, v128, v128, v128, v128
	block
	local.get	4
	i32.eqz
	br_if   	0
	local.get	0
	local.get	5
	i32.const	2
	i32.shl
	local.tee	6
	local.get	1
	i32.const	2
	i32.shl
	local.tee	7
	i32.add
	i32.add
	local.set	8
	local.get	0
	local.get	5
	i32.const	3
	i32.shl
	local.tee	9
	local.get	7
	i32.add
	i32.add
	local.set	10
	local.get	0
	local.get	5
	i32.const	12
	i32.mul
	local.tee	11
	local.get	7
	i32.add
	i32.add
	local.set	12
	local.get	0
	local.get	11
	local.get	1
	i32.const	3
	i32.shl
	local.tee	13
	i32.add
	i32.add
	local.set	1
	local.get	0
	local.get	9
	local.get	13
	i32.add
	i32.add
	local.set	14
	local.get	0
	local.get	13
	local.get	6
	i32.add
	i32.add
	local.set	15
	local.get	3
	local.get	6
	i32.add
	local.set	16
	local.get	0
	local.get	7
	i32.add
	local.set	7
	local.get	0
	local.get	11
	i32.add
	local.set	11
	local.get	0
	local.get	9
	i32.add
	local.set	17
	local.get	0
	local.get	6
	i32.add
	local.set	18
	local.get	0
	local.get	13
	i32.add
	local.set	13
	local.get	2
	local.get	5
	i32.const	5
	i32.shl
	i32.add
	v128.load	0:p2align=0
	local.set	19
	local.get	2
	local.get	5
	i32.const	28
	i32.mul
	i32.add
	v128.load	0:p2align=0
	local.set	20
	local.get	2
	local.get	5
	i32.const	24
	i32.mul
	i32.add
	v128.load	0:p2align=0
	local.set	21
	local.get	2
	local.get	5
	i32.const	20
	i32.mul
	i32.add
	v128.load	0:p2align=0
	local.set	22
	local.get	2
	local.get	5
	i32.const	4
	i32.shl
	i32.add
	v128.load	0:p2align=0
	local.set	23
	local.get	2
	local.get	5
	i32.const	3
	i32.mul
	i32.const	2
	i32.shl
	i32.add
	v128.load	0:p2align=0
	local.set	24
	local.get	2
	local.get	5
	i32.const	1
	i32.shl
	i32.const	2
	i32.shl
	i32.add
	v128.load	0:p2align=0
	local.set	25
	local.get	2
	local.get	6
	i32.add
	v128.load	0:p2align=0
	local.set	26
	local.get	2
	v128.load	0:p2align=0
	local.set	27
	i32.const	0
	local.set	5
.LBB0_2:
	loop
	local.get	1
	local.get	5
	i32.add
	v128.load	0:p2align=0
	local.set	28
	local.get	12
	local.get	5
	i32.add
	v128.load	0:p2align=0
	local.set	29
	local.get	11
	local.get	5
	i32.add
	v128.load	0:p2align=0
	local.set	30
	local.get	3
	local.get	5
	i32.add
	local.get	14
	local.get	5
	i32.add
	v128.load	0:p2align=0
	local.tee	31
	local.get	19
	f32x4.mul
	local.get	15
	local.get	5
	i32.add
	v128.load	0:p2align=0
	local.tee	32
	local.get	20
	f32x4.mul
	local.get	13
	local.get	5
	i32.add
	v128.load	0:p2align=0
	local.get	21
	f32x4.mul
	local.get	10
	local.get	5
	i32.add
	v128.load	0:p2align=0
	local.tee	33
	local.get	22
	f32x4.mul
	local.get	8
	local.get	5
	i32.add
	v128.load	0:p2align=0
	local.tee	34
	local.get	23
	f32x4.mul
	local.get	7
	local.get	5
	i32.add
	v128.load	0:p2align=0
	local.get	24
	f32x4.mul
	local.get	17
	local.get	5
	i32.add
	v128.load	0:p2align=0
	local.tee	35
	local.get	25
	f32x4.mul
	local.get	18
	local.get	5
	i32.add
	v128.load	0:p2align=0
	local.tee	36
	local.get	26
	f32x4.mul
	local.get	0
	local.get	5
	i32.add
	v128.load	0:p2align=0
	local.get	27
	f32x4.mul
	v128.const	0x0p0, 0x0p0, 0x0p0, 0x0p0
	local.tee	37
	f32x4.add
	f32x4.add
	f32x4.add
	f32x4.add
	f32x4.add
	f32x4.add
	f32x4.add
	f32x4.add
	f32x4.add
	v128.store	0:p2align=0
	local.get	16
	local.get	5
	i32.add
	local.get	28
	local.get	19
	f32x4.mul
	local.get	31
	local.get	20
	f32x4.mul
	local.get	32
	local.get	21
	f32x4.mul
	local.get	29
	local.get	22
	f32x4.mul
	local.get	33
	local.get	23
	f32x4.mul
	local.get	34
	local.get	24
	f32x4.mul
	local.get	30
	local.get	25
	f32x4.mul
	local.get	35
	local.get	26
	f32x4.mul
	local.get	36
	local.get	27
	f32x4.mul
	local.get	37
	f32x4.add
	f32x4.add
	f32x4.add
	f32x4.add
	f32x4.add
	f32x4.add
	f32x4.add
	f32x4.add
	f32x4.add
	v128.store	0:p2align=0
	local.get	5
	local.get	9
	i32.add
	local.set	5
	local.get	4
	i32.const	-1
	i32.add
	local.tee	4
	br_if   	0
.LBB0_3:
	end_loop
	end_block
