//! Comparisons and arithmetic. What leaves whole numbers of 64 bits and floats is the interpreter's.

use super::{Cause, Stop};
use crate::policy::plan::value::{Arena, V};
use crate::policy::plan::{Arithmetic, Comparison};

impl Comparison {
    pub(super) fn of(self, one: &V<'_>, other: &V<'_>) -> bool {
        match self {
            Self::Equal => one == other,
            Self::NotEqual => one != other,
            Self::Less => one.cmp(other).is_lt(),
            Self::LessOrEqual => one.cmp(other).is_le(),
            Self::Greater => one.cmp(other).is_gt(),
            Self::GreaterOrEqual => one.cmp(other).is_ge(),
        }
    }
}

impl Arithmetic {
    pub(super) fn of<'a>(self, one: V<'a>, other: V<'a>, arena: Arena<'a>) -> Result<V<'a>, Stop> {
        match (self, one, other) {
            (Self::Union, V::Set(one), V::Set(other)) => arena.set(&[one, other].concat()),
            (Self::Intersection, V::Set(items), V::Set(_)) => {
                arena.set(&items.iter().copied().filter(|item| other.has(*item)).collect::<Vec<_>>())
            }
            (Self::Subtract, V::Set(items), V::Set(_)) => {
                arena.set(&items.iter().copied().filter(|item| !other.has(*item)).collect::<Vec<_>>())
            }
            (_, V::Int(one), V::Int(other)) => self.of_integers(one, other),
            _ => self.of_floats(one.number()?, other.number()?),
        }
    }

    fn of_integers<'a>(self, one: i64, other: i64) -> Result<V<'a>, Stop> {
        let result = match self {
            Self::Add => one.checked_add(other),
            Self::Subtract => one.checked_sub(other),
            Self::Multiply => one.checked_mul(other),
            Self::Divide if one.checked_rem(other) == Some(0) => one.checked_div(other),
            Self::Remainder => one.checked_rem(other),
            Self::Divide | Self::Union | Self::Intersection => None,
        };
        result.map(V::Int).ok_or(Stop(&Cause::Elsewhere("arithmetic beyond whole numbers")))
    }

    fn of_floats<'a>(self, one: f64, other: f64) -> Result<V<'a>, Stop> {
        let result = match self {
            Self::Add => one + other,
            Self::Subtract => one - other,
            Self::Multiply => one * other,
            Self::Divide | Self::Remainder | Self::Union | Self::Intersection => f64::NAN,
        };
        if result.is_finite() {
            Ok(V::float(result))
        } else {
            Err(Stop(&Cause::Elsewhere("arithmetic beyond numbers")))
        }
    }
}

impl V<'_> {
    #[allow(clippy::cast_precision_loss, reason = "the engine, too, takes the nearest float")]
    pub(in crate::policy::plan) fn number(self) -> Result<f64, Stop> {
        match self {
            Self::Int(number) => Ok(number as f64),
            Self::Float(number) => Ok(number),
            _ => Err(Stop(&Cause::Elsewhere("arithmetic without numbers"))),
        }
    }
}
