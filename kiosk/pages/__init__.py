"""The screen's pages: one blueprint for each job of a villager."""
