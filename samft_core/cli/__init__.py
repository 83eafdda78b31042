"""The `samft` command. Verbs are entry points of the group `samft.verbs`, loaded when they are named."""
