-- A sender's next number, where it is one.
UPDATE sender SET number = :number, day = :day WHERE id = :id AND number < :number
