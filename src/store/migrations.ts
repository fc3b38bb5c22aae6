import type { Migration } from './migration.ts'
import { migration as firstTables } from './migrations/0001-first-tables.ts'
import { migration as importsAndWebhooks } from './migrations/0002-imports-and-webhooks.ts'
import { migration as severalGateways } from './migrations/0003-several-gateways.ts'
import { migration as retention } from './migrations/0004-retention.ts'
import { migration as fairPolling } from './migrations/0005-fair-polling.ts'
import { migration as writeChecks } from './migrations/0006-write-checks.ts'
import { migration as growth } from './migrations/0007-growth.ts'
import { migration as watchedOrders } from './migrations/0008-watched-orders.ts'
import { migration as restores } from './migrations/0009-restores.ts'
import { migration as unverifiedImports } from './migrations/0010-unverified-imports.ts'
import { migration as lspSettings } from './migrations/0011-lsp-settings.ts'
import { migration as followedOrders } from './migrations/0012-followed-orders.ts'
import { migration as orderFilters } from './migrations/0013-order-filters.ts'

/** In the order in which they are applied. */
export const MIGRATIONS: readonly Migration[] = [
  firstTables,
  importsAndWebhooks,
  severalGateways,
  retention,
  fairPolling,
  writeChecks,
  growth,
  watchedOrders,
  restores,
  unverifiedImports,
  lspSettings,
  followedOrders,
  orderFilters,
]
