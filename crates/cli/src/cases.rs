//! Folders of cases, the exchange format of docs/case-folder.md.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Component, Path};

use anyhow::{Context, Result, anyhow, bail, ensure};
use depthwise::{Activation, Conv, Isa, Layout, Padding, Update, convert_weights};
use ndarray::ArrayView;
use serde::Deserialize;
use serde_json::Value;

use crate::memory::zeros;

/// Outputs that a case can ask for.
const OUTPUTS: [&str; 4] = ["y", "gx", "gw", "gb"];

/// A case as the manifest has it, but for its id.
#[derive(Debug, Deserialize)]
struct Case {
    op: String,
    dtype: String,
    groups: usize,
    #[serde(default = "ones")]
    stride: [usize; 2],
    #[serde(default = "ones")]
    dilation: [usize; 2],
    #[serde(default)]
    pad_tblr: [isize; 4],
    #[serde(default)]
    activation: ActivationName,
    tensors: Tensors,
    outputs: BTreeMap<String, Vec<usize>>,
    /// Size of the input, which the output alone does not tell.
    #[serde(default)]
    in_hw: Option<[usize; 2]>,
}

fn ones() -> [usize; 2] {
    [1; 2]
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ActivationName {
    #[default]
    None,
    Relu,
    Relu6,
    #[serde(rename = "RELU_N1_TO_1")]
    ReluN1To1,
}

impl From<ActivationName> for Activation {
    fn from(name: ActivationName) -> Self {
        match name {
            ActivationName::None => Self::None,
            ActivationName::Relu => Self::Relu,
            ActivationName::Relu6 => Self::Relu6,
            ActivationName::ReluN1To1 => Self::Clamp { min: -1.0, max: 1.0 },
        }
    }
}

#[derive(Debug, Deserialize)]
struct Tensors {
    x: Option<Tensor>,
    w: Option<Tensor>,
    b: Option<Tensor>,
    gy: Option<Tensor>,
}

/// A tensor in a file: little-endian `f32`, activations NCHW, weights `[c·m][1][kh][kw]`.
#[derive(Debug, Deserialize)]
struct Tensor {
    file: String,
    shape: Vec<usize>,
}

impl Tensor {
    fn read(&self, folder: &Path) -> Result<Vec<f32>> {
        let path = Path::new(&self.file);
        let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        ensure!(inside, "file `{}` is outside of the folder", self.file);
        let bytes = fs::read(folder.join(path)).with_context(|| format!("file `{}`", self.file))?;
        let length = self.shape.iter().try_fold(4usize, |size, &length| size.checked_mul(length));
        ensure!(
            length == Some(bytes.len()),
            "file `{}` has {} bytes, which are no f32 of shape {:?}",
            self.file,
            bytes.len(),
            self.shape
        );
        let (elements, _) = bytes.as_chunks();
        Ok(elements.iter().map(|&element| f32::from_le_bytes(element)).collect())
    }
}

/// How the kernels run.
#[derive(Clone, Copy)]
struct Kernels {
    layout: Layout,
    isa: Isa,
}

/// Answers every case of the folder `input` with files in the folder `output`.
pub fn answer(
    input: &Path,
    output: &Path,
    layout: Layout,
    isa: Isa,
    out: &mut impl Write,
) -> Result<()> {
    let manifest = input.join("manifest.json");
    let name = || manifest.display().to_string();
    let text = fs::read(&manifest).with_context(name)?;
    let cases = identify(serde_json::from_slice(&text).with_context(name)?).with_context(name)?;
    fs::create_dir_all(output).with_context(|| output.display().to_string())?;
    let write = |file: String, data: &[u8]| {
        let path = output.join(file);
        fs::write(&path, data).with_context(|| path.display().to_string())
    };

    let mut skipped = 0;
    for (id, case) in &cases {
        forget(output, id)?;
        let mut reasons = Vec::new();
        match outputs(case, input, Kernels { layout, isa }) {
            Ok(outputs) => {
                for (name, result) in outputs {
                    match result {
                        Ok(data) => write(format!("{id}.{name}.f32"), &to_bytes(&data))?,
                        Err(reason) => reasons.push(format!("{name}: {reason:#}")),
                    }
                }
            }
            Err(reason) => reasons.push(format!("{reason:#}")),
        }
        if !reasons.is_empty() {
            skipped += 1;
            let line = reasons.join("; ").replace(['\n', '\r'], " ");
            write(format!("{id}.skip"), format!("{line}\n").as_bytes())?;
        }
    }
    writeln!(out, "cases: {} answered, {skipped} skipped", cases.len() - skipped)?;
    Ok(())
}

/// The cases with their ids, which must be usable as names of files, each for one case.
fn identify(cases: Vec<Value>) -> Result<Vec<(String, Value)>> {
    let mut seen = HashSet::new();
    let mut identified = Vec::new();
    for (index, case) in cases.into_iter().enumerate() {
        let id = case.get("id").and_then(Value::as_str);
        let id = id.with_context(|| format!("case {index} has no id"))?.to_owned();
        let name = !id.is_empty() && !id.contains(['/', '\\', '\0']);
        ensure!(name, "case {index}: the id {id:?} is no name for a file");
        ensure!(seen.insert(id.clone()), "case {index}: the id {id:?} was there before");
        identified.push((id, case));
    }
    Ok(identified)
}

/// Removes what an earlier run has written for a case.
fn forget(folder: &Path, id: &str) -> Result<()> {
    let answers = OUTPUTS.map(|name| format!("{id}.{name}.f32"));
    for file in answers.into_iter().chain([format!("{id}.skip")]) {
        let path = folder.join(file);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| path.display().to_string());
            }
            _ => {}
        }
    }
    Ok(())
}

fn to_bytes(data: &[f32]) -> Vec<u8> {
    data.iter().flat_map(|element| element.to_le_bytes()).collect()
}

/// Each output that the case asks for, or why it is refused.
fn outputs(
    case: &Value,
    folder: &Path,
    kernels: Kernels,
) -> Result<Vec<(String, Result<Vec<f32>>)>> {
    let case = Case::deserialize(case)?;
    ensure!(case.op == "dwconv2d", "the operation `{}` is not implemented", case.op);
    ensure!(case.dtype == "f32", "the type `{}` is not implemented", case.dtype);
    ensure!(!case.outputs.is_empty(), "no output is asked for");
    let result = |name: &str, shape: &[usize]| match name {
        "y" => forward(&case, shape, folder, kernels),
        "gx" => grad_input(&case, shape, folder, kernels),
        "gw" => grad_weight(&case, shape, folder, kernels),
        "gb" => grad_bias(&case, shape, folder, kernels),
        _ => Err(anyhow!("no such output")),
    };
    let results = case.outputs.iter().map(|(name, shape)| (name.clone(), result(name, shape)));
    Ok(results.collect())
}

/// `y`, from `x`, `w` and `b`.
fn forward(case: &Case, shape: &[usize], folder: &Path, kernels: Kernels) -> Result<Vec<f32>> {
    let (x, w) = (given("x", &case.tensors.x)?, given("w", &case.tensors.w)?);
    let conv = convolution(case, &x.shape, &w.shape, kernels)?;
    expect(shape, &output_shape(&conv))?;
    let bias = case.tensors.b.as_ref();
    if let Some(b) = bias {
        let outputs = conv.problem().output_channels();
        ensure!(b.shape == [outputs], "b has shape {:?}, expected [{outputs}]", b.shape);
    }
    let x = arranged(&x.read(folder)?, input_shape(&conv), kernels.layout)?;
    let w = arranged_weights(&w.read(folder)?, &conv)?;
    let bias = bias.map(|b| b.read(folder)).transpose()?;
    let mut y = zeros(conv.problem().output_len())?;
    conv.forward(&x, &w, bias.as_deref(), &mut y)?;
    restored(&y, output_shape(&conv), kernels.layout)
}

/// `gx`, from `gy` and `w`.
fn grad_input(case: &Case, shape: &[usize], folder: &Path, kernels: Kernels) -> Result<Vec<f32>> {
    let (gy, w) = (given("gy", &case.tensors.gy)?, given("w", &case.tensors.w)?);
    if let (Some(size), &[.., height, width]) = (case.in_hw, shape) {
        ensure!(size == [height, width], "in_hw is {size:?}, but gx has shape {shape:?}");
    }
    let conv = convolution(case, shape, &w.shape, kernels)?;
    ensure!(
        gy.shape == output_shape(&conv),
        "gy has shape {:?}, expected {:?}",
        gy.shape,
        output_shape(&conv)
    );
    let gy = arranged(&gy.read(folder)?, output_shape(&conv), kernels.layout)?;
    let w = arranged_weights(&w.read(folder)?, &conv)?;
    let mut gx = zeros(conv.problem().input_len())?;
    conv.grad_input(&gy, &w, &mut gx, Update::Overwrite)?;
    restored(&gx, input_shape(&conv), kernels.layout)
}

/// `gw`, from `x` and `gy`.
fn grad_weight(case: &Case, shape: &[usize], folder: &Path, kernels: Kernels) -> Result<Vec<f32>> {
    let (x, gy) = (given("x", &case.tensors.x)?, given("gy", &case.tensors.gy)?);
    let conv = convolution(case, &x.shape, shape, kernels)?;
    ensure!(
        gy.shape == output_shape(&conv),
        "gy has shape {:?}, expected {:?}",
        gy.shape,
        output_shape(&conv)
    );
    let x = arranged(&x.read(folder)?, input_shape(&conv), kernels.layout)?;
    let gy = arranged(&gy.read(folder)?, output_shape(&conv), kernels.layout)?;
    let mut gw = zeros(conv.problem().weights_len())?;
    conv.grad_weight(&x, &gy, &mut gw, Update::Overwrite)?;
    let mut restored = zeros(gw.len())?;
    let kernel = [conv.problem().height().kernel(), conv.problem().width().kernel()];
    let outputs = conv.problem().output_channels();
    convert_weights((&gw, kernels.layout), (&mut restored, Layout::Nchw), kernel, outputs)?;
    Ok(restored)
}

/// `gb`, from `gy`.
fn grad_bias(case: &Case, shape: &[usize], folder: &Path, kernels: Kernels) -> Result<Vec<f32>> {
    let gy = given("gy", &case.tensors.gy)?;
    let &[batch, outputs, rows, columns] = gy.shape.as_slice() else {
        bail!("gy has shape {:?}, expected [n, c·m, oh, ow]", gy.shape);
    };
    expect(shape, &[outputs])?;
    // The gradient of a bias is a sum over its channel, whatever the window: so is that of a 1×1 one.
    let conv = Conv::builder().batch(batch).channels(outputs).input([rows, columns]);
    let conv = conv.layout(kernels.layout).isa(kernels.isa).build()?;
    let gy = arranged(&gy.read(folder)?, output_shape(&conv), kernels.layout)?;
    let mut gb = zeros(outputs)?;
    conv.grad_bias(&gy, &mut gb, Update::Overwrite)?;
    Ok(gb)
}

fn given<'a>(name: &str, tensor: &'a Option<Tensor>) -> Result<&'a Tensor> {
    tensor.as_ref().with_context(|| format!("there is no tensor {name}"))
}

fn expect(asked: &[usize], computed: &[usize]) -> Result<()> {
    ensure!(asked == computed, "has shape {computed:?}, not {asked:?}");
    Ok(())
}

/// The convolution of a case whose input has shape `x`, `[n][c][h][w]`, and its weights shape `w`,
/// `[c·m][1][kh][kw]`.
fn convolution(case: &Case, x: &[usize], w: &[usize], kernels: Kernels) -> Result<Conv> {
    let &[batch, channels, height, width] = x else {
        bail!("x has shape {x:?}, expected [n, c, h, w]");
    };
    let &[outputs, group, kernel_height, kernel_width] = w else {
        bail!("w has shape {w:?}, expected [c·m, 1, kh, kw]");
    };
    ensure!(group == 1, "not depthwise: dimension 1 of w is {group}");
    ensure!(
        case.groups == channels,
        "not depthwise: {} groups for the {channels} channels of x",
        case.groups
    );
    ensure!(
        channels > 0 && outputs % channels == 0,
        "w has {outputs} kernels, no multiple of the {channels} channels of x"
    );
    let conv = Conv::builder()
        .batch(batch)
        .channels(channels)
        .multiplier(outputs / channels)
        .input([height, width])
        .kernel([kernel_height, kernel_width])
        .stride(case.stride)
        .dilation(case.dilation)
        .padding(Padding::from_webnn(case.pad_tblr))
        .activation(case.activation.into())
        .layout(kernels.layout)
        .isa(kernels.isa)
        .build()?;
    Ok(conv)
}

/// Shape of the input as files have it, `[n][c][h][w]`.
fn input_shape(conv: &Conv) -> [usize; 4] {
    let problem = conv.problem();
    [problem.batch(), problem.channels(), problem.height().input(), problem.width().input()]
}

/// Shape of the output as files have it, `[n][c·m][oh][ow]`.
fn output_shape(conv: &Conv) -> [usize; 4] {
    let problem = conv.problem();
    let [rows, columns] = [problem.height().output(), problem.width().output()];
    [problem.batch(), problem.output_channels(), rows, columns]
}

/// An activation tensor of a file, of shape `[n][c][h][w]`, in the order that the kernels run in.
fn arranged(data: &[f32], shape: [usize; 4], layout: Layout) -> Result<Vec<f32>> {
    match layout {
        Layout::Nchw => Ok(data.to_vec()),
        Layout::Nhwc => transposed(data, shape, [0, 2, 3, 1]),
    }
}

/// An activation tensor in the order of a file, of shape `[n][c][h][w]`.
fn restored(data: &[f32], [n, c, h, w]: [usize; 4], layout: Layout) -> Result<Vec<f32>> {
    match layout {
        Layout::Nchw => Ok(data.to_vec()),
        Layout::Nhwc => transposed(data, [n, h, w, c], [0, 3, 1, 2]),
    }
}

/// The weights of a file in the order that the kernels run in.
fn arranged_weights(data: &[f32], conv: &Conv) -> Result<Vec<f32>> {
    let problem = conv.problem();
    let mut weights = zeros(data.len())?;
    let kernel = [problem.height().kernel(), problem.width().kernel()];
    let to = (weights.as_mut_slice(), problem.layout());
    convert_weights((data, Layout::Nchw), to, kernel, problem.output_channels())?;
    Ok(weights)
}

/// The tensor whose axis `i` is the axis `axes[i]` of `data`.
fn transposed(data: &[f32], shape: [usize; 4], axes: [usize; 4]) -> Result<Vec<f32>> {
    let tensor = ArrayView::from_shape(shape, data)?;
    Ok(tensor.permuted_axes(axes).iter().copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_are_names_of_files() {
        let ids = |cases: Value| identify(serde_json::from_value(cases).unwrap());
        assert_eq!(ids(json!([{"id": "a"}, {"id": "b.c"}])).unwrap().len(), 2);
        for (cases, reason) in [
            (json!([{"id": "../a"}]), "no name for a file"),
            (json!([{"id": "a\\b"}]), "no name for a file"),
            (json!([{"id": ""}]), "no name for a file"),
            (json!([{"id": "a"}, {"id": "a"}]), "was there before"),
            (json!([{"id": 7}]), "case 0 has no id"),
            (json!(["a"]), "case 0 has no id"),
        ] {
            let error = format!("{:#}", ids(cases).expect_err(reason));
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn axes_are_exchanged() {
        let nchw: Vec<f32> = (0..24u8).map(f32::from).collect();
        let nhwc = transposed(&nchw, [1, 2, 3, 4], [0, 2, 3, 1]).unwrap();
        assert_eq!(nhwc[..4], [0.0, 12.0, 1.0, 13.0]);
        assert_eq!(transposed(&nhwc, [1, 3, 4, 2], [0, 3, 1, 2]).unwrap(), nchw);
    }
}
