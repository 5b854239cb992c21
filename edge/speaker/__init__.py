"""The loudspeaker of a node: plays only what was signed, where and when it was signed for, and reports it."""
