	cbz	x4, .LBB0_3
	mov	w9, #12
	mov	w13, #28
	lsl	x6, x5, #2
	mul	x10, x5, x9
	mov	w9, #20
	lsl	x14, x1, #3
	lsl	x1, x1, #2
	ldr	q0, [x2]
	ldr	q1, [x2, x6]
	mul	x11, x5, x9
	mov	w9, #24
	ldr	q4, [x2, x5, lsl #4]
	add	x17, x0, x1
	mov	x8, xzr
	mul	x12, x5, x9
	lsl	x9, x5, #3
	ldr	q3, [x2, x10]
	lsl	x10, x5, #5
	mul	x13, x5, x13
	ldr	q2, [x2, x9]
	add	x15, x0, x9
	ldr	q5, [x2, x11]
	add	x11, x5, x5, lsl #1
	ldr	q16, [x2, x10]
	add	x10, x0, x14
	add	x5, x6, x1
	ldr	q6, [x2, x12]
	add	x12, x14, x6
	lsl	x18, x11, #2
	add	x11, x0, x12
	add	x12, x9, x14
	add	x14, x0, x6
	ldr	q7, [x2, x13]
	add	x2, x9, x1
	add	x12, x0, x12
	add	x13, x10, x18
	add	x16, x0, x18
	add	x18, x17, x18
	add	x1, x0, x2
	add	x2, x0, x5
	add	x5, x3, x6
.LBB0_2:
	movi	v17.2d, #0000000000000000
	movi	v18.2d, #0000000000000000
	ldr	q19, [x0, x8]
	ldr	q20, [x14, x8]
	subs	x4, x4, #1
	fmla	v17.4s, v0.4s, v19.4s
	fmla	v18.4s, v0.4s, v20.4s
	ldr	q19, [x15, x8]
	fmla	v17.4s, v1.4s, v20.4s
	fmla	v18.4s, v1.4s, v19.4s
	ldr	q20, [x16, x8]
	fmla	v17.4s, v2.4s, v19.4s
	fmla	v18.4s, v2.4s, v20.4s
	ldr	q19, [x17, x8]
	ldr	q20, [x2, x8]
	fmla	v17.4s, v3.4s, v19.4s
	fmla	v18.4s, v3.4s, v20.4s
	ldr	q19, [x1, x8]
	fmla	v17.4s, v4.4s, v20.4s
	fmla	v18.4s, v4.4s, v19.4s
	ldr	q20, [x18, x8]
	fmla	v17.4s, v5.4s, v19.4s
	fmla	v18.4s, v5.4s, v20.4s
	ldr	q19, [x10, x8]
	ldr	q20, [x11, x8]
	fmla	v17.4s, v6.4s, v19.4s
	fmla	v18.4s, v6.4s, v20.4s
	ldr	q19, [x12, x8]
	fmla	v17.4s, v7.4s, v20.4s
	fmla	v18.4s, v7.4s, v19.4s
	ldr	q20, [x13, x8]
	fmla	v17.4s, v16.4s, v19.4s
	fmla	v18.4s, v16.4s, v20.4s
	str	q17, [x3, x8]
	str	q18, [x5, x8]
	add	x8, x8, x9
	b.ne	.LBB0_2
.LBB0_3:
	ret
