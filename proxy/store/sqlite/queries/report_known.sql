-- Between which times there are events, in slots of `reach_ms`.
SELECT min(slot) * :reach_ms, (max(slot) + 1) * :reach_ms FROM reach
