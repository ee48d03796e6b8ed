//! Repeats one case: `replay ISA CHECK CASE…`, as a failure prints it.

use std::error::Error;
use std::process::ExitCode;

use depthwise::Isa;
use depthwise_verification::{Case, Check, Kernels, campaign};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [isa, name, case @ ..] = arguments.as_slice() else {
        return Err("usage: replay ISA CHECK CASE…".into());
    };
    let isa: Isa = isa.parse()?;
    let check = Check::ALL.into_iter().find(|check| check.name() == name);
    let check = check.ok_or_else(|| format!("{name} is no check"))?;
    let case: Case = case.join(" ").parse()?;
    if !case.shape.is_possible() {
        return Err("the case has no window".into());
    }
    match campaign::run(check, &Kernels(isa), &[case]) {
        Ok(report) => println!("{report}"),
        Err(failure) => {
            println!("{failure}");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
