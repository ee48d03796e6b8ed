declare module 'depthwise-engine/*.wasm?url' {
  const url: string;
  export default url;
}

declare module 'onnxruntime-web/*?url' {
  const url: string;
  export default url;
}
