"""The results of sampled models, for readers that may not import the models themselves."""

from analysis.models.cascade.result import CascadeResult as CascadeResult
from analysis.models.cascade.result import Reach as Reach
from analysis.models.cascade.result import VariantCascade as VariantCascade
from analysis.models.hurdle import HurdleResult as HurdleResult
from analysis.models.hurdle import HurdleVariant as HurdleVariant
from analysis.models.negative_binomial import CountResult as CountResult
from analysis.models.negative_binomial import CountVariant as CountVariant
from analysis.models.retention.fit import VariantRetention as VariantRetention
from analysis.models.retention.lifetimes import TailPoint as TailPoint
from analysis.models.retention.survival import CurvePoint as CurvePoint
from analysis.segments.fit import SegmentRow as SegmentRow
from experiments.analyses.sampled.segments import SegmentEntry as SegmentEntry
