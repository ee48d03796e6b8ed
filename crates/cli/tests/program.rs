//! The program from outside: what it reads, writes, prints and exits with.
#![cfg(not(target_family = "wasm"))]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ndarray::{Array, ArrayD, Dimension};
use serde_json::{Value, json};

/// What the program has done.
struct Done {
    code: i32,
    out: String,
    err: String,
}

fn depthwise<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Done {
    let output = Command::new(env!("CARGO_BIN_EXE_depthwise")).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// An empty folder of that name.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    match fs::remove_dir_all(&folder) {
        Ok(()) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}"),
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn words(command: &str) -> impl Iterator<Item = &str> {
    command.split_whitespace()
}

/// `depthwise run` with `options` on the files x.npy, w.npy and perhaps b.npy of `folder`.
fn run(folder: &Path, options: &str) -> Done {
    let file = |name| folder.join(name).into_os_string();
    let mut args = vec!["run".into(), "--input".into(), file("x.npy")];
    args.extend(["--weights".into(), file("w.npy"), "--output".into(), file("y.npy")]);
    if folder.join("b.npy").exists() {
        args.extend(["--bias".into(), file("b.npy")]);
    }
    args.extend(words(options).map(Into::into));
    depthwise(args)
}

fn save<D: Dimension>(folder: &Path, name: &str, array: &Array<f32, D>) {
    ndarray_npy::write_npy(folder.join(name), array).unwrap();
}

fn result(folder: &Path) -> ArrayD<f32> {
    ndarray_npy::read_npy(folder.join("y.npy")).unwrap()
}

/// Two channels, 1 2 3 and 10 20 30, with the kernels 1 −2 and 3 0.
fn small(name: &str, layout: &str) -> PathBuf {
    let folder = folder(name);
    let (x, w) = match layout {
        "nhwc" => ((1, 1, 3, 2), (1, 2, 2)),
        _ => ((1, 2, 1, 3), (2, 1, 2)),
    };
    let (x_data, w_data) = match layout {
        "nhwc" => ([1., 10., 2., 20., 3., 30.], [1., 3., -2., 0.]),
        _ => ([1., 2., 3., 10., 20., 30.], [1., -2., 3., 0.]),
    };
    save(&folder, "x.npy", &Array::from_shape_vec(x, x_data.to_vec()).unwrap());
    save(&folder, "w.npy", &Array::from_shape_vec(w, w_data.to_vec()).unwrap());
    save(&folder, "b.npy", &Array::from_vec(vec![0.5, -40.0]));
    folder
}

#[test]
fn one_problem_in_either_layout() {
    let nhwc = small("one_nhwc", "nhwc");
    let done = run(&nhwc, "");
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.out.contains("[1, 1, 2, 2] by forward_f32_nhwc_"), "{}", done.out);
    // 1·1 − 2·2 + ½ and 3·10 − 40, then one column on.
    let y = Array::from_shape_vec((1, 1, 2, 2), vec![-2.5, -10., -3.5, 20.]).unwrap().into_dyn();
    assert_eq!(result(&nhwc), y);

    let nchw = small("one_nchw", "nchw");
    assert_eq!(run(&nchw, "--layout nchw --isa portable").code, 0);
    let y = Array::from_shape_vec((1, 2, 1, 2), vec![-2.5, -3.5, -10., 20.]).unwrap().into_dyn();
    assert_eq!(result(&nchw), y);
}

#[test]
fn windows_and_activations() {
    let folder = small("windows", "nchw");
    for (options, columns, y) in [
        // ½ − 2·1, 1 − 2·2 + ½, 2 − 2·3 + ½; −40, 30 − 40, 60 − 40.
        ("--padding 0,0,1,0", 3, vec![-1.5, -2.5, -3.5, -40., -10., 20.]),
        ("--padding same-lower", 3, vec![-1.5, -2.5, -3.5, -40., -10., 20.]),
        ("--padding same-upper", 3, vec![-2.5, -3.5, 3.5, -10., 20., 50.]),
        ("--padding 0,1 --stride 1,2", 2, vec![-1.5, -3.5, -40., 20.]),
        ("--padding 0,0,0,-1", 1, vec![-2.5, -10.]),
        ("--padding -0,0,-1,0", 1, vec![-3.5, 20.]),
        ("--dilation 1,2", 1, vec![-4.5, -10.]),
        ("--activation relu", 2, vec![0., 0., 0., 20.]),
        ("--activation relu6", 2, vec![0., 0., 0., 6.]),
        ("--activation relu-n1-to-1", 2, vec![-1., -1., -1., 1.]),
        ("--activation -3,inf", 2, vec![-2.5, -3., -3., 20.]),
    ] {
        let done = run(&folder, &format!("--layout nchw {options}"));
        assert_eq!(done.code, 0, "{options}: {}", done.err);
        let y = Array::from_shape_vec((1, 2, 1, columns), y).unwrap().into_dyn();
        assert_eq!(result(&folder), y, "{options}");
    }
}

#[test]
fn weights_of_tensorflow_with_a_multiplier() {
    let folder = folder("multiplier");
    save(&folder, "x.npy", &Array::from_shape_vec((1, 1, 1, 2), vec![1., 10.]).unwrap());
    save(&folder, "w.npy", &Array::from_shape_vec((1, 1, 2, 2), vec![1., 2., 3., 4.]).unwrap());
    assert_eq!(run(&folder, "").code, 0);
    let y = Array::from_shape_vec((1, 1, 1, 4), vec![1., 2., 30., 40.]).unwrap().into_dyn();
    assert_eq!(result(&folder), y);
}

/// `depthwise run` with `options`, in which `x.npy` and its like are files of `folder`.
fn run_in(folder: &Path, options: &str) -> Done {
    let word = |word: &str| match word.ends_with(".npy") {
        true => folder.join(word).into_os_string(),
        false => word.into(),
    };
    depthwise(["run".into()].into_iter().chain(words(options).map(word)))
}

/// The gradients of [`small`]'s output, 1 5 and 2 7, in gy.npy.
fn with_gradients(name: &str, layout: &str) -> PathBuf {
    let folder = small(name, layout);
    let (shape, gy) = match layout {
        "nhwc" => ((1, 1, 2, 2), vec![1., 2., 5., 7.]),
        _ => ((1, 2, 1, 2), vec![1., 5., 2., 7.]),
    };
    save(&folder, "gy.npy", &Array::from_shape_vec(shape, gy).unwrap());
    folder
}

#[test]
fn gradients_in_either_layout() {
    for layout in ["nhwc", "nchw"] {
        let folder = with_gradients(&format!("gradients_{layout}"), layout);
        let nhwc = layout == "nhwc";
        let pick = |last: &[f32], first: &[f32]| if nhwc { last.to_vec() } else { first.to_vec() };
        let (x_shape, w_shape) = if nhwc { ("1,1,3,2", "1,2,2") } else { ("1,2,1,3", "2,1,2") };
        let w_shape_of_4 = if nhwc { "1,2,2,1" } else { "2,1,1,2" };
        let options = [
            (
                format!("--pass grad_input --grad-output gy.npy --weights w.npy --shape {x_shape}"),
                // 1·1, 1·−2 + 5·1, 5·−2; 2·3, 7·3, 0.
                pick(&[1., 6., 3., 21., -10., 0.], &[1., 3., -10., 6., 21., 0.]),
            ),
            (
                format!("--pass grad_weight --input x.npy --grad-output gy.npy --shape {w_shape}"),
                // 1·1 + 2·5, 2·1 + 3·5; 10·2 + 20·7, 20·2 + 30·7.
                pick(&[11., 160., 17., 250.], &[11., 17., 160., 250.]),
            ),
            (
                format!("--pass grad_weight --input x.npy --grad-y gy.npy --shape {w_shape_of_4}"),
                pick(&[11., 160., 17., 250.], &[11., 17., 160., 250.]),
            ),
            ("--pass grad_bias --grad-output gy.npy".into(), vec![6., 9.]),
        ];
        for (options, expected) in options {
            let shape = options.split_once("--shape ").map_or("2", |(_, shape)| shape);
            let shape: Vec<usize> = shape.split(',').map(|n| n.parse().unwrap()).collect();
            let common = format!("--layout {layout} --output y.npy");
            let done = run_in(&folder, &format!("{options} {common}"));
            assert_eq!((done.code, done.err.as_str()), (0, ""), "{options}");
            assert!(done.out.contains(&format!("y.npy: {shape:?}")), "{}", done.out);
            assert_eq!(done.out.contains(" by "), !options.contains("grad_bias"), "{}", done.out);
            let expected = Array::from_shape_vec(shape, expected).unwrap();
            assert_eq!(result(&folder), expected, "{options}");

            // Again, onto what is there.
            let options = options.split(" --shape").next().unwrap();
            let done = run_in(&folder, &format!("{options} {common} --accumulate"));
            assert_eq!((done.code, done.err.as_str()), (0, ""), "{options}");
            assert_eq!(result(&folder), expected * 2.0, "{options}");
        }
    }
}

/// What an output's size does not tell, a shape does.
#[test]
fn gradients_have_the_window_of_their_options() {
    let folder = with_gradients("gradient_windows", "nchw");
    let gx = "--pass grad_input --grad-output gy.npy --weights w.npy --layout nchw --output y.npy";
    let gw = "--pass grad_weight --input x.npy --grad-output gy.npy --layout nchw --output y.npy";
    for (options, expected) in [
        (format!("{gx} --shape 1,2,1,4 --stride 1,2"), vec![1., -2., 5., -10., 6., 0., 21., 0.]),
        (
            format!("{gx} --shape 1,2,1,5 --stride 1,2"),
            vec![1., -2., 5., -10., 0., 6., 0., 21., 0., 0.],
        ),
        (format!("{gx} --shape 1,2,1,2 --padding same-upper"), vec![1., 3., 6., 21.]),
        (format!("{gx} --shape 1,2,1,2 --padding 0,0,1,0"), vec![3., -10., 21., 0.]),
        (format!("{gx} --shape 1,2,1,4 --dilation 1,2"), vec![1., 5., -2., -10., 6., 21., 0., 0.]),
        (format!("{gw} --shape 2,1,1 --padding 0,0,0,-1"), vec![11., 160.]),
        (
            format!("{gw} --shape 2,1,3 --padding 0,1 --stride 1,2"),
            vec![10., 16., 2., 140., 230., 40.],
        ),
    ] {
        let done = run_in(&folder, &options);
        assert_eq!((done.code, done.err.as_str()), (0, ""), "{options}");
        assert_eq!(result(&folder).into_raw_vec_and_offset().0, expected, "{options}");
    }
}

#[test]
fn failures_of_gradients_name_what_is_wrong() {
    let folder = with_gradients("gradient_failures", "nhwc");
    let fails = |options: &str, reason: &str| {
        let done = run_in(&folder, &format!("{options} --output y.npy"));
        assert_eq!((done.code, done.err.lines().count()), (1, 1), "{options}: {}", done.err);
        assert!(done.err.contains(reason), "`{}`, expected `{reason}`", done.err);
    };
    let gx = "--pass grad_input --grad-output gy.npy --weights w.npy";
    let gw = "--pass grad_weight --input x.npy --grad-output gy.npy";
    let gb = "--pass grad_bias --grad-output gy.npy";
    for pass in [gx, gw, gb] {
        fails(&format!("{pass} --accumulate"), "y.npy: ");
    }
    assert!(!folder.join("y.npy").exists());

    fails(
        &format!("{gx} --shape 1,1,4,2"),
        "gy.npy: has shape [1, 1, 2, 2], expected [1, 1, 3, 2]",
    );
    fails(&format!("{gx} --shape 1,1,3"), "--shape: has shape [1, 1, 3], expected [n, h, w, c]");
    fails(
        &format!("{gx} --shape 1,1,3,3"),
        "w.npy: dimension 2 is 2, no multiple of the input's 3",
    );
    fails(&format!("{gx} --shape 1,1,1,2"), "kernel width");
    fails(&format!("{gx} --shape 1,9223372036854775807,9223372036854775807,2"), "error: ");
    fails(&format!("{gw} --shape 1,3,2"), "gy.npy: has shape [1, 1, 2, 2], expected [1, 1, 1, 2]");
    fails(&format!("{gw} --shape 2,2"), "--shape: has shape [2, 2], expected [kh, kw, c·m]");
    fails(&format!("{gw} --shape 1,2,3"), "--shape: dimension 2 is 3, no multiple");
    fails(&format!("{gw} --shape 1,2,2,9223372036854775807"), "error: ");
    fails(
        "--pass grad_bias --grad-output w.npy",
        "w.npy: has shape [1, 2, 2], expected [n, h, w, c]",
    );

    // Left as it was by what is refused.
    let before = Array::from_vec(vec![1., 2., 3.]);
    save(&folder, "y.npy", &before);
    fails(&format!("{gx} --accumulate"), "y.npy: has shape [3], expected [n, h, w, c]");
    fails(&format!("{gw} --accumulate"), "y.npy: has shape [3], expected [kh, kw, c·m]");
    fails(&format!("{gb} --accumulate"), "y.npy: has shape [3], expected [2]");
    assert_eq!(result(&folder), before.into_dyn());
}

#[test]
fn each_pass_takes_its_own_options() {
    let all = [
        ("--input x", "forward grad_weight"),
        ("--weights w", "forward grad_input"),
        ("--bias b", "forward"),
        ("--grad-output g", "grad_input grad_weight grad_bias"),
        ("--shape 1,2,2,1", "grad_input grad_weight"),
        ("--accumulate", "grad_input grad_weight grad_bias"),
        ("--stride 2", "forward grad_input grad_weight"),
        ("--dilation 2", "forward grad_input grad_weight"),
        ("--padding 1", "forward grad_input grad_weight"),
        ("--activation relu", "forward"),
        ("--output y", "forward grad_input grad_weight grad_bias"),
    ];
    let optional = ["--bias b", "--accumulate", "--stride 2", "--dilation 2", "--padding 1"];
    let wrong = |options: &str, reason: &str| {
        let done = depthwise(words("run").chain(words(options)));
        assert_eq!(done.code, 2, "{options}: {}", done.err);
        assert!(done.err.contains(reason), "`{}`, expected `{reason}`", done.err);
    };
    let mut refused = 0;
    for pass in ["forward", "grad_input", "grad_weight", "grad_bias"] {
        let is_taken = |takers: &str| takers.split(' ').any(|taker| taker == pass);
        let needed: Vec<_> = all
            .iter()
            .filter(|(option, takers)| {
                is_taken(takers) && !optional.contains(option) && *option != "--activation relu"
            })
            .map(|(option, _)| *option)
            .collect();
        for (option, takers) in all {
            let name = option.split(' ').next().unwrap();
            if needed.contains(&option) {
                let others: Vec<_> =
                    needed.iter().filter(|other| **other != option).copied().collect();
                let given = format!("--pass {pass} {}", others.join(" "));
                wrong(&given, &format!("{name} is needed for {pass}"));
                refused += 1;
            } else if !is_taken(takers) {
                let given = format!("--pass {pass} {} {option}", needed.join(" "));
                wrong(&given, &format!("{name} is of no use for {pass}"));
                refused += 1;
            }
        }
    }
    assert_eq!(refused, 13 + 17);
    wrong("--pass grad_input --shape 1,1,1,1 --accumulate", "cannot be used with");
    wrong("--pass grad_input --shape 1,0,1,1", "0 is not in 1..");
}

#[test]
fn failures_are_one_line_that_names_the_file() {
    let folder = small("failures", "nhwc");
    let fails = |options: &str, reason: &str| {
        let done = run(&folder, options);
        assert_eq!((done.code, done.err.lines().count()), (1, 1), "{}", done.err);
        assert!(done.err.contains(reason), "`{}`, expected `{reason}`", done.err);
        assert!(!folder.join("y.npy").exists());
    };
    let absent = if cfg!(target_arch = "aarch64") { "simd128" } else { "neon" };
    fails(&format!("--isa {absent}"), absent);
    fails("--dilation 1,9", "kernel width: the dilated kernel has 10 elements");
    fails("--stride 0", "stride in height is 0");
    save(&folder, "b.npy", &Array::from_vec(vec![1., 2., 3.]));
    fails("", "b.npy: has shape [3], expected [2]");
    save(&folder, "w.npy", &Array::zeros((3, 3, 3)));
    fails("", "w.npy: dimension 2 is 3, no multiple of the input's 2 channels");
    save(&folder, "x.npy", &Array::zeros((3, 2)));
    fails("", "x.npy: has shape [3, 2], expected [n, h, w, c]");
    ndarray_npy::write_npy(folder.join("x.npy"), &Array::<f64, _>::zeros((1, 1, 1, 1))).unwrap();
    fails("", "x.npy: elements are '<f8'");
    fs::remove_file(folder.join("x.npy")).unwrap();
    fails("", "x.npy: ");
}

#[test]
fn wrong_usage_is_two() {
    for wrong in [
        "",
        "walk",
        "run",
        "run --cases in",
        "run --cases in out --stride 2",
        "run --cases in out --isa avx512",
        "run --input x --weights w --output y --padding 1,2,3",
        "run --cases in out --accumulate",
        "run --input x --weights w --output y --pass backward",
        "bench resnet50",
        "bench --check-only --json x.json",
        "bench --pass forward,backward",
        "bench --threads 0",
    ] {
        let done = depthwise(words(wrong));
        assert_eq!(done.code, 2, "`{wrong}`: {}", done.err);
        assert!(!done.err.is_empty());
    }
    assert_eq!(depthwise(["--help"]).code, 0);
}

#[test]
fn a_folder_of_cases() {
    let (input, output) = (folder("cases_in"), folder("cases_out"));
    let write = |name: &str, data: &[f32]| {
        let bytes: Vec<_> = data.iter().flat_map(|element| element.to_le_bytes()).collect();
        fs::write(input.join(name), bytes).unwrap();
    };
    // Channels 1 2 3 and 10 20 30; a kernel of 1×2 for each.
    write("x", &[1., 2., 3., 10., 20., 30.]);
    write("w", &[1., -2., 3., 0.]);
    write("b", &[0.5, -40.]);
    let good = json!({
        "op": "dwconv2d", "dtype": "f32", "groups": 2, "stride": [1, 1], "dilation": [1, 1],
        "pad_tblr": [0, 0, 1, 0], "activation": "RELU_N1_TO_1", "in_hw": null,
        "tensors": {
            "x": {"file": "x", "shape": [1, 2, 1, 3]},
            "w": {"file": "w", "shape": [2, 1, 1, 2]},
            "b": {"file": "b", "shape": [2]},
        },
        "outputs": {"y": [1, 2, 1, 3]},
    });
    let case = |id: &str, path: &str, value: Value| {
        let mut case = good.clone();
        if let Some(place) = case.pointer_mut(path) {
            *place = value;
        }
        case["id"] = id.into();
        case
    };
    let skipped = [
        (case("op", "/op", "conv3d".into()), "the operation `conv3d` is not implemented"),
        (case("dtype", "/dtype", "f16".into()), "the type `f16` is not implemented"),
        (case("activation", "/activation", "TANH".into()), "unknown variant `TANH`"),
        (case("stride", "/stride", json!([0, 1])), "y: stride in height is 0"),
        (case("groups", "/groups", 1.into()), "y: not depthwise: 1 groups for the 2 channels"),
        (case("dense", "/tensors/w/shape", json!([1, 2, 1, 2])), "y: not depthwise: dimension 1"),
        (case("kernels", "/tensors/w/shape", json!([3, 1, 1, 2])), "y: w has 3 kernels"),
        (case("bias", "/tensors/b/shape", json!([1, 2])), "y: b has shape [1, 2], expected [2]"),
        (case("rank", "/tensors/x/shape", json!([1, 2, 3])), "y: x has shape [1, 2, 3]"),
        (case("length", "/tensors/x/shape", json!([1, 2, 2, 3])), "y: has shape [1, 2, 2, 3], not"),
        (case("bytes", "/tensors/b/file", "w".into()), "y: file `w` has 16 bytes"),
        (case("missing", "/tensors/x/file", "z".into()), "y: file `z`: "),
        (case("outside", "/tensors/x/file", "../x".into()), "y: file `../x` is outside"),
        (case("no-x", "/tensors/x", Value::Null), "y: there is no tensor x"),
        (
            case("shape", "/outputs/y", json!([1, 2, 1, 2])),
            "y: has shape [1, 2, 1, 3], not [1, 2, 1, 2]",
        ),
        (case("gradient", "/outputs", json!({"gx": [1, 2, 1, 3]})), "gx: there is no tensor gy"),
        (case("unknown", "/outputs", json!({"z": [1]})), "z: no such output"),
        (case("nothing", "/outputs", json!({})), "no output is asked for"),
        (json!({"id": "malformed", "op": []}), "invalid type"),
        (json!({"id": "empty"}), "missing field `op`"),
    ];
    let partly = case("partly", "/outputs", json!({"y": [1, 2, 1, 3], "gw": [2, 1, 1, 2]}));
    let cropped = json!({
        "id": "cropped", "op": "dwconv2d", "dtype": "f32", "groups": 2, "pad_tblr": [0, 0, -1, 0],
        "tensors": {"x": good["tensors"]["x"], "w": good["tensors"]["w"]},
        "outputs": {"y": [1, 2, 1, 1]},
    });
    write("gy", &[1., 2., 3., 1., 1., 1.]);
    let gradients = json!({
        "id": "gradients", "op": "dwconv2d", "dtype": "f32", "groups": 2, "pad_tblr": [0, 0, 0, 1],
        "tensors": {
            "x": good["tensors"]["x"], "w": good["tensors"]["w"],
            "gy": {"file": "gy", "shape": [1, 2, 1, 3]},
        },
        "in_hw": [1, 3],
        "outputs": {"gx": [1, 2, 1, 3], "gw": [2, 1, 1, 2], "gb": [2]},
    });
    let answered = [gradients, case("good", "/in_hw", Value::Null), cropped];
    let manifest: Vec<_> =
        answered.iter().chain([&partly]).chain(skipped.iter().map(|(case, _)| case)).collect();
    fs::write(input.join("manifest.json"), serde_json::to_vec(&manifest).unwrap()).unwrap();

    for (layout, isa) in [("nhwc", "auto"), ("nchw", "auto"), ("nhwc", "portable-fused")] {
        // Left by an earlier run.
        fs::write(output.join("good.skip"), "old").unwrap();
        fs::write(output.join("shape.y.f32"), "old").unwrap();
        let mut args = vec!["run".into(), "--cases".into()];
        args.extend([&input, &output].map(|folder| folder.clone().into_os_string()));
        args.extend(["--layout", layout, "--isa", isa].map(Into::into));
        let done = depthwise(args);
        assert_eq!((done.code, done.err.as_str()), (0, ""));
        assert_eq!(done.out, "cases: 3 answered, 21 skipped\n");

        let read = |name: &str| -> Vec<f32> {
            let bytes = fs::read(output.join(name)).unwrap();
            let (elements, _) = bytes.as_chunks();
            elements.iter().map(|&element| f32::from_le_bytes(element)).collect()
        };
        assert_eq!(read("good.y.f32"), [-1., -1., -1., -1., -1., 1.]);
        assert_eq!(read("partly.y.f32"), read("good.y.f32"));
        assert_eq!(read("cropped.y.f32"), [-4., 60.]);
        assert_eq!(read("gradients.gx.f32"), [1., 0., -1., 3., 3., 3.]);
        assert_eq!(read("gradients.gw.f32"), [14., 8., 60., 50.]);
        assert_eq!(read("gradients.gb.f32"), [6., 3.]);
        for (case, reason) in &skipped {
            let line =
                fs::read_to_string(output.join(format!("{}.skip", case["id"].as_str().unwrap())));
            let line = line.unwrap();
            assert!(line.starts_with(reason), "`{line}`, expected `{reason}`");
            assert_eq!((line.lines().count(), line.ends_with('\n')), (1, true));
        }
        let reason = fs::read_to_string(output.join("partly.skip")).unwrap();
        assert_eq!(reason, "gw: there is no tensor gy\n");
        // Two answers, three of one case, an answer with a reason, and reasons.
        assert_eq!(fs::read_dir(&output).unwrap().count(), 2 + 3 + 2 + skipped.len());
    }
}

#[test]
fn a_malformed_manifest_is_an_error() {
    let (input, output) = (folder("manifest_in"), folder("manifest_out"));
    let fails = |manifest: &str, reason: &str| {
        fs::write(input.join("manifest.json"), manifest).unwrap();
        let args = ["run".as_ref(), "--cases".as_ref(), input.as_os_str(), output.as_os_str()];
        let done = depthwise(args);
        assert_eq!((done.code, done.err.lines().count()), (1, 1), "{}", done.err);
        assert!(done.err.contains("manifest.json: ") && done.err.contains(reason), "{}", done.err);
        assert_eq!(fs::read_dir(&output).unwrap().count(), 0);
    };
    fails("{}", "expected a sequence");
    fails("[", "EOF");
    fails(r#"[{"op": "dwconv2d"}]"#, "case 0 has no id");
    fails(r#"[{"id": "../escape"}]"#, "no name for a file");
}

#[test]
fn kernels_as_json_and_text() {
    let done = depthwise(["kernels", "--json", "--isa", "simd128"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let lines: Vec<Value> = serde_json::from_str(&done.out).unwrap();
    assert_eq!(lines.len(), depthwise::INSTANCES.len());
    let text = depthwise(["kernels"]).out;
    for (line, instance) in lines.iter().zip(depthwise::INSTANCES) {
        assert!(line["name"].as_str().unwrap().contains("__simd128_"));
        assert_eq!(line["registers"], instance.registers);
        let lists = |row: &str| row.starts_with(instance.name) && row.ends_with(instance.purpose);
        assert!(text.lines().any(lists), "{}", instance.name);
    }
}

#[test]
fn a_bench_checks_times_and_draws() {
    let folder = folder("bench");
    let file = |name| folder.join(name).into_os_string();
    let mut args: Vec<_> =
        words("bench dscnn mobilenet_v1_0.25_96 --min-time 1").map(Into::into).collect();
    args.extend(words("--pass grad_weight,forward,grad_input,forward --threads 2").map(Into::into));
    args.extend(["--json".into(), file("bench.json"), "--svg".into(), file("bench.svg")]);
    let done = depthwise(args);
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    for text in ["dscnn_kws_25x5_tf", "speedup", "/forward", "2 threads", "slower than one: "] {
        assert!(done.out.contains(text), "{text}: {}", done.out);
    }
    let json: Value =
        serde_json::from_slice(&fs::read(folder.join("bench.json")).unwrap()).unwrap();
    let passes = ["forward", "grad_input", "grad_weight"];
    assert_eq!(json["passes"], json!(passes));
    let layers = json["networks"][1]["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 9 * passes.len());
    for (layer, pass) in layers.iter().zip(passes.iter().cycle()) {
        assert_eq!(layer["pass"], *pass);
        let share = layer["error"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&share) && share > 0.0, "{share}");
        let threads = &layer["threads"][0];
        assert_eq!(threads["threads"], 2);
        for time in [&layer["time"], &layer["plain_time"], &threads["time"]] {
            assert!(time.as_f64().unwrap() > 0.0);
        }
        assert_eq!(layer["over_forward"].is_null(), *pass == "forward");
    }
    let totals = json["networks"][1]["totals"].as_array().unwrap();
    assert_eq!(totals.len(), passes.len());
    assert!(totals[1]["over_forward"]["mean"].as_f64().unwrap() > 0.0);
    assert!(totals[0]["threads"][0]["speedup"]["mean"].as_f64().unwrap() > 0.0);
    let svg = fs::read_to_string(folder.join("bench.svg")).unwrap();
    assert_eq!(svg.matches("<title>").count(), (1 + 9) * passes.len());
}

#[test]
fn a_bench_that_only_checks() {
    for layout in ["nhwc", "nchw"] {
        let passes = ["forward", "grad_input", "grad_weight", "grad_bias"];
        let net = ["bench", "--check-only", "mobilenet_v3_small", "--layout", layout];
        let done = depthwise(net.into_iter().chain(["--pass", &passes.join(","), "--threads=1,3"]));
        assert_eq!((done.code, done.err.as_str()), (0, ""));
        assert_eq!(done.out.lines().count(), passes.len());
        for (line, pass) in done.out.lines().zip(passes) {
            let start = format!("mobilenet_v3_small_224_tf: 9 layers checked, {pass} {layout} on ");
            assert!(line.starts_with(&start) && line.ends_with("% of its bound"), "{line}");
        }
    }
}

#[test]
fn a_tuner_times_every_instance_of_a_class() {
    let file = folder("tune").join("tune.json");
    let args = words("tune --kernel 3 --size 5,9 --channels 4 --min-time 1 --json");
    let done = depthwise(args.map(Into::into).chain([file.clone().into_os_string()]));
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    assert_eq!(done.out.lines().count(), 1 + 2 * 2 * 2 * 3);
    let json: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    for class in json["classes"].as_array().unwrap() {
        let times = class["times"].as_array().unwrap();
        assert!(times.iter().any(|timed| timed["instance"] == class["chosen"]), "{class}");
        let times: Vec<_> = times.iter().map(|timed| timed["time"].as_f64().unwrap()).collect();
        assert!(times.is_sorted() && times[0] > 0.0, "{class}");
    }
}

#[test]
fn networks_are_listed() {
    let done = depthwise(["bench", "--list"]);
    assert_eq!((done.code, done.out.lines().count()), (0, 34));
    assert!(
        done.out.contains("mobilenet_v2_1.0_224_tf                  17   41.4\n"),
        "{}",
        done.out
    );
}
