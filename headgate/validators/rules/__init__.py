"""The rules, one file each. Rules do not know each other; `table.py` lists them."""
