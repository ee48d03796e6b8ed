	global.get	__stack_pointer
	i32.const	144
	i32.sub
	local.tee	6
	global.set	__stack_pointer
	local.get	6
	local.get	2
	v128.load	0:p2align=0
	v128.store	0
	local.get	6
	local.get	2
	local.get	5
	i32.const	2
	i32.shl
	local.tee	7
	i32.add
	v128.load	0:p2align=0
	v128.store	16
	block
	local.get	4
	i32.eqz
	br_if	0
	local.get	6
	local.get	7
	i32.add
	local.set	8
	local.get	3
	local.get	8
	v128.load	0
	local.get	2
	v128.load	0:p2align=0
	f32x4.mul
	local.get	6
	v128.load	16
	f32x4.add
	v128.store	0:p2align=0
	end_block
	local.get	6
	i32.const	144
	i32.add
	global.set	__stack_pointer
