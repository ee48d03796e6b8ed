export { Conv2d, type Tuning, type Update } from './conv2d.js';
export { Depthwise, type Isa, type ModuleName } from './depthwise.js';
export { DepthwiseError } from './error.js';
export type { ColumnTiles, Explanation, Pass, Rectangle, Span } from './explain.js';
export type { FileName, Kernels, Load, LoadOptions, Source } from './load.js';
export type { Operand } from './memory.js';
export type { Activation, Conv2dOptions, FilterLayout, InputLayout, Shape } from './options.js';
export { Tensor } from './tensor.js';
