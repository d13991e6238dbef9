//! Which instruction sets this machine has, and which one is used.

use std::{fmt, sync::OnceLock};

#[cfg(target_arch = "aarch64")]
use super::neon::Neon;
use super::{Kernel, plain::Plain};
#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, avx512::Avx512};

/// An instruction set that this machine has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Isa(Kind);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain(Plain),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512<false>),
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16(Avx512<true>),
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
}

impl Isa {
    /// The widest instruction set of this machine, or the one that the environment variable `UMBEL_ISA` names
    /// (`avx512-bf16`, `avx512`, `avx2`, `neon` or `plain`), where the machine has it.
    pub fn best() -> Self {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| {
            let available = Self::available();
            let wanted = std::env::var("UMBEL_ISA").unwrap_or_default();
            let named = available.iter().find(|isa| isa.name() == wanted);
            *named.unwrap_or(&available[0])
        })
    }

    /// Every instruction set of this machine, the widest first.
    pub fn available() -> Vec<Self> {
        let mut kinds = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            kinds.extend(Avx512::detect().map(Kind::Avx512Bf16));
            kinds.extend(Avx512::detect().map(Kind::Avx512));
            kinds.extend(Avx2::detect().map(Kind::Avx2));
        }
        #[cfg(target_arch = "aarch64")]
        kinds.extend(Neon::detect().map(Kind::Neon));
        kinds.push(Kind::Plain(Plain));
        kinds.into_iter().map(Self).collect()
    }

    /// Whether it multiplies bfloat16 numbers at once; else they become floats first.
    pub fn has_bf16(self) -> bool {
        self.name() == "avx512-bf16"
    }

    /// Its name, as in `UMBEL_ISA`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Plain(_) => "plain",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Bf16(_) => "avx512-bf16",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon(_) => "neon",
        }
    }

    /// Runs a kernel that is compiled for this instruction set.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            Kind::Plain(simd) => kernel.run(simd),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(simd) => simd.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(simd) => simd.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Bf16(simd) => simd.run(kernel),
            #[cfg(target_arch = "aarch64")]
            Kind::Neon(simd) => simd.run(kernel),
        }
    }
}

impl fmt::Debug for Isa {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}
