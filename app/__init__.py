"""Clienteling: what each folder is for stands in docs/architecture.md."""
