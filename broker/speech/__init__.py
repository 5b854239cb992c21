"""Vietnamese text to sound: written → spoken, engines, mastering, and the cache of what was said before."""
