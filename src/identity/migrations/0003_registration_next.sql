-- A registration begun on the way to something leads there once it is confirmed.
ALTER TABLE registration ADD COLUMN next TEXT; -- path of this site; NULL: none
