import type { Migration } from '../migration.ts'

/** When the database was restored from a backup. */
export const migration: Migration = {
  number: 9,
  name: 'restores',
  breaks: null,
  statements: ['create table restores (restored_at bigint primary key, data_until bigint not null)'],
}
