import type { Migration } from '../migration.ts'

/** How to reach an LSP, for as long as it has orders: it may leave the configuration, or be in another gateway's only. */
export const migration: Migration = {
  number: 11,
  name: 'lsp-settings',
  breaks: null,
  statements: ['alter table lsps add column settings text'],
}
