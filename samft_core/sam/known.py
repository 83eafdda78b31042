"""The models that samft knows by name, for those who need no torch to ask."""

TINY = "samft-tiny"
"""The small one that starts from random weights."""

REVISIONS = {
    "facebook/sam-vit-base": "70c1a07f894ebb5b307fd9eaaee97b9dfc16068f",
    "facebook/sam-vit-large": "6851e0441005b0fb96f2cc4dfac472f3d1b14af1",
    "facebook/sam-vit-huge": "87aecf0df4ce6b30cd7de76e87673c49644bdf67",
}
"""The pinned commits of the hub's SAM models; any other id is given as ID@COMMIT."""
