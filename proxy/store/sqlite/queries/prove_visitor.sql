-- What has been proven of a visitor.
UPDATE visitor SET proof = proof | ? WHERE id = ?
