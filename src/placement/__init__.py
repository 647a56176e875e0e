"""Learned placement for render farms."""

import logging

# Quiet unless whoever uses this asks for more: records go to the logger "placement", with their fields as attributes.
logging.getLogger(__name__).addHandler(logging.NullHandler())
