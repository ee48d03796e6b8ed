export { Conv2d, type Update } from './conv2d.js';
export { Depthwise, type Isa, type ModuleName } from './depthwise.js';
export { DepthwiseError } from './error.js';
export type { Load, LoadOptions, Source } from './load.js';
export type { Operand } from './memory.js';
export type { Activation, Conv2dOptions, FilterLayout, InputLayout, Shape } from './options.js';
export { Tensor } from './tensor.js';
