-- Two orders of one version of a cart line: the second is refused.
ALTER TABLE order_lines ADD CONSTRAINT order_lines_held_version_key UNIQUE (held_version)
