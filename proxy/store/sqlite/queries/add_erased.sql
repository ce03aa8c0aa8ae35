-- Somebody is erased, or a page of somebody who is.
INSERT INTO erased (mark, time, is_visitor) VALUES (?, ?, ?) ON CONFLICT (mark) DO NOTHING
