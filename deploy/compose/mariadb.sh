#!/bin/sh
# As mysql.sh, for MariaDB. Its root can connect by the socket alone.
set -eu

if [ ! -d /var/lib/mysql/data ]; then
    rm -rf /var/lib/mysql/unfinished
    install -d -o mysql -g mysql -m 0750 /var/lib/mysql/unfinished
    mariadb-install-db --no-defaults --user=mysql --datadir=/var/lib/mysql/unfinished --skip-test-db \
        --auth-root-authentication-method=socket --skip-name-resolve --force
    mv /var/lib/mysql/unfinished /var/lib/mysql/data
fi
exec mariadbd --no-defaults --user=mysql --datadir=/var/lib/mysql/data --init-file=/run/secrets/mariadb-init.sql \
    --socket=/tmp/mysql.sock --pid-file=/tmp/mysql.pid --tmpdir=/tmp --bind-address=0.0.0.0 --port=3306 --skip-name-resolve \
    --skip-log-bin --max-connections=500 --innodb-buffer-pool-size=256M --innodb-flush-log-at-trx-commit=1
