//! What QEMU calls, and what it is asked.
//!
//! The functions used here are the same in every version of QEMU's interface for plugins so far, from 1
//! (QEMU 4.2 to 8.2) on, but for [`qemu_plugin_insn_data`].

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::cache::{Geometry, Hierarchy};
use crate::code::{Block, Code};
use crate::marker::Marker;
use crate::region::Region;

/// QEMU's name for a loaded plugin.
type Id = u64;

/// A block that is being translated.
#[repr(C)]
struct Translation {
    _opaque: [u8; 0],
}

/// An instruction that is being translated.
#[repr(C)]
struct Instruction {
    _opaque: [u8; 0],
}

/// The head of what QEMU says of itself.
#[repr(C)]
struct Info {
    target_name: *const c_char,
    oldest_version: c_int,
    version: c_int,
}

type OnExecution = extern "C" fn(vcpu: c_uint, data: *mut c_void);
type OnAccess = extern "C" fn(vcpu: c_uint, access: u32, address: u64, data: *mut c_void);

/// Callbacks read no registers.
const NO_REGISTERS: c_int = 0;
/// Callbacks are for loads and stores.
const LOADS_AND_STORES: c_int = 3;

unsafe extern "C" {
    fn qemu_plugin_register_vcpu_tb_trans_cb(id: Id, callback: extern "C" fn(Id, *mut Translation));
    fn qemu_plugin_register_vcpu_tb_exec_cb(
        block: *mut Translation,
        callback: OnExecution,
        flags: c_int,
        data: *mut c_void,
    );
    fn qemu_plugin_register_vcpu_insn_exec_cb(
        instruction: *mut Instruction,
        callback: OnExecution,
        flags: c_int,
        data: *mut c_void,
    );
    fn qemu_plugin_register_vcpu_mem_cb(
        instruction: *mut Instruction,
        callback: OnAccess,
        flags: c_int,
        which: c_int,
        data: *mut c_void,
    );
    fn qemu_plugin_tb_n_insns(block: *const Translation) -> usize;
    fn qemu_plugin_tb_vaddr(block: *const Translation) -> u64;
    fn qemu_plugin_tb_get_insn(block: *const Translation, index: usize) -> *mut Instruction;
    fn qemu_plugin_insn_vaddr(instruction: *const Instruction) -> u64;
    /// From version 3 on, copies the encoding to `to`; before, takes the instruction only and returns
    /// the encoding's address.
    fn qemu_plugin_insn_data(
        instruction: *const Instruction,
        to: *mut c_void,
        bytes: usize,
    ) -> usize;
    fn qemu_plugin_mem_size_shift(access: u32) -> c_uint;
    fn qemu_plugin_mem_is_store(access: u32) -> bool;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// The interface version that this plugin is for; QEMU reads it before it calls anything.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "QEMU fixes the name")]
pub static qemu_plugin_version: AtomicI32 = AtomicI32::new(1);

/// Newer versions of QEMU refuse plugins for version 1 and take those for 2, which is the same to us.
extern "C" fn choose_version() {
    // SAFETY: a null handle means the whole program, the name ends with a null.
    let newer = unsafe { dlsym(ptr::null_mut(), c"qemu_plugin_scoreboard_new".as_ptr()) };
    if !newer.is_null() {
        qemu_plugin_version.store(2, Ordering::Relaxed);
    }
}

/// Runs when the plugin is loaded.
#[used]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(not(target_os = "macos"), unsafe(link_section = ".init_array"))]
static ON_LOAD: extern "C" fn() = choose_version;

/// No thread has begun a region.
const NOBODY: u32 = u32::MAX;

struct Plugin {
    version: c_int,
    l1: Geometry,
    l2: Geometry,
    out: Mutex<BufWriter<File>>,
    code: Mutex<Code>,
    /// The virtual processor, or thread, whose region is being counted.
    counted: AtomicU32,
    region: Mutex<Option<Region>>,
}

static PLUGIN: OnceLock<Plugin> = OnceLock::new();

impl Plugin {
    /// Calls `count` with the region, if `vcpu` is in one.
    fn count(vcpu: c_uint, count: impl FnOnce(&mut Region)) {
        let Some(plugin) = PLUGIN.get() else { return };
        if plugin.counted.load(Ordering::Relaxed) == vcpu
            && let Some(region) = &mut *lock(&plugin.region)
        {
            count(region);
        }
    }

    fn from_arguments<'a>(
        version: c_int,
        arguments: impl Iterator<Item = &'a str>,
    ) -> Result<Self, String> {
        let (mut l1, mut l2, mut out) = ("32768:4", "524288:8", None);
        for argument in arguments {
            match argument.split_once('=') {
                Some(("out", path)) => out = Some(path),
                Some(("l1", size)) => l1 = size,
                Some(("l2", size)) => l2 = size,
                _ => return Err(format!("unknown argument {argument}")),
            }
        }
        let path = out.ok_or("out=FILE is missing")?;
        let file = File::create(path).map_err(|error| format!("{path}: {error}"))?;
        let size = |text: &str| text.parse().map_err(|()| format!("{text} is no BYTES:WAYS"));
        Ok(Self {
            version,
            l1: size(l1)?,
            l2: size(l2)?,
            out: Mutex::new(BufWriter::new(file)),
            code: Mutex::default(),
            counted: AtomicU32::new(NOBODY),
            region: Mutex::default(),
        })
    }

    /// Registers the callbacks of a block. One with a marker in it is taken apart into its
    /// instructions, so that what's before the marker and after it can be counted apart.
    fn translate(&self, block: *mut Translation) {
        // SAFETY: QEMU has just passed the block.
        let (length, address) =
            unsafe { (qemu_plugin_tb_n_insns(block), qemu_plugin_tb_vaddr(block)) };
        // SAFETY: the indices are those of the block's instructions.
        let instructions: Vec<_> =
            (0..length).map(|index| unsafe { qemu_plugin_tb_get_insn(block, index) }).collect();
        let words: Vec<_> = instructions.iter().map(|&one| self.word(one)).collect();
        let mut code = lock(&self.code);
        if words.iter().all(|&word| Marker::of(word).is_none()) {
            let number = ptr::without_provenance_mut(code.number(Block { address, words }));
            // SAFETY: QEMU has just passed the block; the callback takes a number as its data.
            unsafe { qemu_plugin_register_vcpu_tb_exec_cb(block, on_block, NO_REGISTERS, number) };
        } else {
            for (&instruction, &word) in instructions.iter().zip(&words) {
                let (callback, data): (OnExecution, _) = match Marker::of(word) {
                    Some(Marker::Begin(label)) => (on_begin, label as usize),
                    Some(Marker::End) => (on_end, 0),
                    None => {
                        // SAFETY: the instruction is one of the block that QEMU has just passed.
                        let address = unsafe { qemu_plugin_insn_vaddr(instruction) };
                        (on_block, code.number(Block { address, words: vec![word] }))
                    }
                };
                let data = ptr::without_provenance_mut(data);
                // SAFETY: as above; the callbacks take numbers as their data.
                unsafe {
                    qemu_plugin_register_vcpu_insn_exec_cb(
                        instruction,
                        callback,
                        NO_REGISTERS,
                        data,
                    );
                }
            }
        }
        for instruction in instructions {
            // SAFETY: the instruction is one of the block that QEMU has just passed.
            unsafe {
                qemu_plugin_register_vcpu_mem_cb(
                    instruction,
                    on_access,
                    NO_REGISTERS,
                    LOADS_AND_STORES,
                    ptr::null_mut(),
                );
            }
        }
    }

    /// The encoding of an instruction that is being translated.
    fn word(&self, instruction: *const Instruction) -> u32 {
        let mut bytes = [0_u8; 4];
        // SAFETY: an instruction has four bytes, and so has the array. Earlier versions ignore the
        // arguments they don't know, as the C calling conventions of Unix let them.
        let address =
            unsafe { qemu_plugin_insn_data(instruction, bytes.as_mut_ptr().cast(), bytes.len()) };
        if self.version < 3 {
            // SAFETY: in these versions what's returned is the address of the instruction's bytes.
            bytes = unsafe { ptr::with_exposed_provenance::<[u8; 4]>(address).read() };
        }
        u32::from_le_bytes(bytes)
    }
}

/// What a thread that panicked leaves behind is still counted.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

extern "C" fn on_translation(_id: Id, block: *mut Translation) {
    if let Some(plugin) = PLUGIN.get() {
        plugin.translate(block);
    }
}

extern "C" fn on_block(vcpu: c_uint, number: *mut c_void) {
    Plugin::count(vcpu, |region| region.enter(number.addr()));
}

extern "C" fn on_access(vcpu: c_uint, access: u32, address: u64, _data: *mut c_void) {
    Plugin::count(vcpu, |region| {
        // SAFETY: these read the number that QEMU has just passed.
        let (bytes, store) =
            unsafe { (1 << qemu_plugin_mem_size_shift(access), qemu_plugin_mem_is_store(access)) };
        region.access(address, bytes, store);
    });
}

extern "C" fn on_begin(vcpu: c_uint, label: *mut c_void) {
    let Some(plugin) = PLUGIN.get() else { return };
    let caches = Hierarchy::new(plugin.l1, plugin.l2);
    *lock(&plugin.region) = Some(Region::new(label.addr() as u32, caches));
    plugin.counted.store(vcpu, Ordering::Relaxed);
}

extern "C" fn on_end(vcpu: c_uint, _data: *mut c_void) {
    let Some(plugin) = PLUGIN.get() else { return };
    if plugin.counted.compare_exchange(vcpu, NOBODY, Ordering::Relaxed, Ordering::Relaxed).is_err()
    {
        return;
    }
    let Some(region) = lock(&plugin.region).take() else { return };
    let mut out = lock(&plugin.out);
    let written = region.write(&lock(&plugin.code), &mut *out).and_then(|()| out.flush());
    if let Err(error) = written {
        eprintln!("depthwise-counter: cannot write a record: {error}");
    }
}

/// What QEMU calls first. Zero is success.
///
/// # Safety
/// `info` points to what QEMU says of itself, with a name that ends with a null; `arguments` points to
/// `count` strings that do, too.
#[unsafe(no_mangle)]
unsafe extern "C" fn qemu_plugin_install(
    id: Id,
    info: *const Info,
    count: c_int,
    arguments: *const *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    let (target, version) =
        unsafe { (CStr::from_ptr((*info).target_name).to_string_lossy(), (*info).version) };
    let arguments: Vec<_> = (0..count as usize)
        // SAFETY: the caller's promise.
        .map(|index| unsafe { CStr::from_ptr(*arguments.add(index)).to_string_lossy() })
        .collect();
    let plugin = if target == "aarch64" {
        Plugin::from_arguments(version, arguments.iter().map(AsRef::as_ref))
    } else {
        Err(format!("made for aarch64, not for {target}"))
    };
    match plugin {
        Ok(plugin) => {
            if PLUGIN.set(plugin).is_err() {
                eprintln!("depthwise-counter: loaded twice");
                return -1;
            }
            // SAFETY: `id` is the one that QEMU has given.
            unsafe { qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation) };
            0
        }
        Err(reason) => {
            eprintln!("depthwise-counter: {reason}");
            -1
        }
    }
}
