import type { Migration } from '../migration.ts'

/** A row for each gateway, which it writes to learn whether the database can be written. */
export const migration: Migration = {
  number: 6,
  name: 'write-checks',
  breaks: null,
  statements: [
    "create table write_checks (id text primary key, checked_at bigint not null, padding text not null default '')",
  ],
}
