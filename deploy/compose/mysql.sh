#!/bin/sh
# Starts MySQL. The system tables are made in a folder that gets its name when it is complete. Accounts and schemas are made,
# and passwords set, by the init file at each start.
set -eu

if [ ! -d /var/lib/mysql/data ]; then
    rm -rf /var/lib/mysql/unfinished
    install -d -o mysql -g mysql -m 0750 /var/lib/mysql/unfinished
    mysqld --no-defaults --initialize-insecure --user=mysql --datadir=/var/lib/mysql/unfinished
    mv /var/lib/mysql/unfinished /var/lib/mysql/data
fi
exec mysqld --no-defaults --user=mysql --datadir=/var/lib/mysql/data --init-file=/run/secrets/mysql-init.sql \
    --socket=/tmp/mysql.sock --pid-file=/tmp/mysql.pid --tmpdir=/tmp --bind-address=0.0.0.0 --port=3306 --skip-name-resolve \
    --mysqlx=OFF --secure-file-priv=NULL --skip-log-bin --max-connections=500 --innodb-buffer-pool-size=256M \
    --innodb-flush-log-at-trx-commit=1
