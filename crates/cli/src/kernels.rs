//! `depthwise kernels`: the instance table.

use std::io::Write;

use anyhow::Result;
use depthwise::{INSTANCES, Instance, Isa, Machine, Size, Tile, host_machine};
use serde::Serialize;
use serde_json::{Value, json};

use crate::options;
use crate::table::{Align, Table};

/// List the kernels: what each is for, what it keeps in registers, how it walks
///
/// A problem is computed by the first line that fits its pass, layout, kernel and stride and needs no
/// more registers than the machine has.
#[derive(clap::Args)]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Spell names as reports do, with this instruction set in them
    #[arg(long, value_parser = options::isa())]
    isa: Option<Isa>,
}

/// Runs the command.
pub fn run(args: &Args, out: &mut impl Write) -> Result<()> {
    let name = |instance| match args.isa {
        Some(isa) => name_on(instance, isa),
        None => instance.name.to_owned(),
    };
    if args.json {
        let lines: Vec<_> = INSTANCES.iter().map(|i| Line::new(i, name(i))).collect();
        serde_json::to_writer_pretty(&mut *out, &lines)?;
        writeln!(out)?;
        return Ok(());
    }
    let mut table = Table::new(&[
        ("instance", Align::Left),
        ("kernel", Align::Left),
        ("stride", Align::Left),
        ("body", Align::Left),
        ("tile", Align::Left),
        ("registers", Align::Right),
        ("for", Align::Left),
    ]);
    for instance in INSTANCES {
        table.row([
            name(instance),
            size(instance.kernel, |size| format!("{size}×{size}")),
            size(instance.stride, |size| size.to_string()),
            instance.body.name().into(),
            tile(instance),
            instance.registers.to_string(),
            instance.purpose.into(),
        ]);
    }
    let Machine { name, registers, .. } = host_machine();
    write!(out, "{table}")?;
    writeln!(out, "\n{} instances on each instruction set.", INSTANCES.len())?;
    writeln!(
        out,
        "This build has {}, best {}, and plans for {name} with {registers} registers.",
        options::available().join(", "),
        Isa::best()
    )?;
    Ok(())
}

/// The name of an instance on an instruction set,
/// `{pass}_{dtype}_{layout}_{kernel}s{stride}__{isa}_{rows}x{columns}x{vectors}`.
pub fn name_on(instance: &Instance, isa: Isa) -> String {
    match instance.name.rsplit_once('_') {
        Some((window, tile)) => format!("{window}__{isa}_{tile}"),
        None => instance.name.to_owned(),
    }
}

/// A line of the table as JSON.
#[derive(Serialize)]
struct Line {
    name: String,
    pass: &'static str,
    dtype: &'static str,
    layout: &'static str,
    kernel: Value,
    stride: Value,
    body: &'static str,
    tile: Value,
    registers: usize,
    purpose: &'static str,
}

impl Line {
    fn new(instance: &Instance, name: String) -> Self {
        let size = |size| match size {
            Size::Exactly(size) => json!(size),
            Size::Any => json!("any"),
        };
        let Tile { rows, columns, vectors } = instance.tile;
        Self {
            name,
            pass: instance.pass.name(),
            dtype: instance.dtype.name(),
            layout: instance.layout.name(),
            kernel: size(instance.kernel),
            stride: size(instance.stride),
            body: instance.body.name(),
            tile: json!({ "rows": rows, "columns": columns, "vectors": vectors }),
            registers: instance.registers,
            purpose: instance.purpose,
        }
    }
}

fn size(size: Size, exactly: impl Fn(usize) -> String) -> String {
    match size {
        Size::Exactly(size) => exactly(size),
        Size::Any => "any".into(),
    }
}

fn tile(instance: &Instance) -> String {
    let Tile { rows, columns, vectors } = instance.tile;
    format!("{rows}×{columns}×{vectors}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_instance() {
        for instance in INSTANCES {
            for isa in Isa::ALL {
                let name = name_on(instance, isa);
                assert!(name.contains(&format!("__{isa}_")), "{name}");
                assert_eq!(Instance::by_name(&name), Some(instance));
            }
        }
    }
}
