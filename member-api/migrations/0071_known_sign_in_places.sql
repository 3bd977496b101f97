-- From where a member has signed in. Nobody else's wrong passwords keep the member out there.
CREATE TABLE known_sign_in_places (
    member_id         BINARY(16)  NOT NULL,
    place             BINARY(32)  NOT NULL COMMENT 'keyed hash of an IPv4 address, or of an IPv6 network of 64 bits',
    last_signed_in_at DATETIME(6) NOT NULL,
    CONSTRAINT known_sign_in_places_pk PRIMARY KEY (member_id, place),
    CONSTRAINT known_sign_in_places_member_fk FOREIGN KEY (member_id) REFERENCES members (id),
    KEY known_sign_in_places_by_last (last_signed_in_at)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
