"""An analysis: its plan and inputs, the computation, and the stored result."""
