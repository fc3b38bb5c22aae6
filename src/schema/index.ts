import './scalars.ts'
import './lsp.ts'
import './quote.ts'
import './order.ts'
import './feed.ts'
import './order-queries.ts'
import './order-mutations.ts'
import './renewal.ts'
import './webhooks.ts'
import './portable.ts'
import { builder } from './builder.ts'

/** The schema that clients rely on. */
export const schema = builder.toSchema({ sortSchema: false })
