//! Proves one claim, `threads=1 pass=forward …`, as a failure prints it.

use std::error::Error;
use std::process::ExitCode;

use depthwise_proof::Claim;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let claim: Claim = arguments.join(" ").parse()?;
    if !claim.case.shape.is_possible() {
        return Err("the case has no window".into());
    }
    Ok(match claim.prove() {
        Ok(proof) => {
            println!("{claim}: {} results proven", proof.results);
            ExitCode::SUCCESS
        }
        Err(refutation) => {
            println!("{refutation}");
            ExitCode::FAILURE
        }
    })
}
