"""The rules, one file each. Rules do not know each other; `registry.py` lists them."""
