-- Marks that no cookie and no page can be meant by any more.
DELETE FROM erased WHERE time < CASE WHEN is_visitor THEN :visitors ELSE :pages END
