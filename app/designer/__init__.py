"""The designer's tools: what `callrelay flow …` and `callrelay chat` do."""
