"""A test of a file system by two doctors on two hosts: how they meet, what they do, what they find.

Facts only; what they mean is said by `wmctl doctor --nfs`. No worker needs any of this.
"""
