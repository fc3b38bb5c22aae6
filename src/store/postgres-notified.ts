import { randomBytes } from 'node:crypto'
import { Client, type PoolConfig } from 'pg'
import { DatabaseError } from './engine.ts'
import { nameOf, tidied } from './postgres-pool.ts'
import { codeOf } from './retry.ts'
import { fromConnection, fromPostgresServer, mayServeSoon } from './unavailable.ts'

const TRIES = 4
/** A database that is slow, or far, needs no more. */
const WAIT_MS = 1_000

/**
 * Listens on the connection that `options` make, and sends notifications as the gateway does until one arrives. A pooler
 * in transaction mode takes LISTEN without an error and delivers nothing: events would reach other gateways late.
 * @throws DatabaseError that names the setting to change.
 */
export async function assertNotified(
  options: PoolConfig,
  url: string,
  isDirect: boolean,
  send: (payload: string, channel: string) => Promise<void>,
): Promise<void> {
  const channel = `sluice_check_${randomBytes(8).toString('hex')}`
  const client = new Client(options)
  let heard = (_isHeard: boolean) => {}
  client.on('notification', () => heard(true))
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query(`listen ${channel}`)
    for (let tries = 0; tries < TRIES; tries += 1) {
      const arrived = new Promise<boolean>((resolve) => {
        heard = resolve
        setTimeout(resolve, WAIT_MS, false).unref()
      })
      await send('', channel)
      if (await arrived) return
    }
  } catch (error) {
    const cause = isServers(error)
      ? fromPostgresServer(error)
      : fromConnection(tidied(error, url).message, codeOf(error))
    throw new DatabaseError(
      `the database ${nameOf(url)}${isDirect ? ' (databaseDirectUrl)' : ''} cannot be used: ${tidied(cause, url).message}`,
      { isTransient: mayServeSoon(cause) },
    )
  } finally {
    await client.end().catch(() => {})
  }
  throw new DatabaseError(
    isDirect
      ? 'notifications that are sent at DATABASE_URL do not arrive at databaseDirectUrl: it has to lead to the same database, and not through PgBouncer in transaction mode'
      : 'LISTEN does not work at DATABASE_URL, which seems to lead through PgBouncer in transaction mode: set databaseDirectUrl in the configuration file to the same database past it, or pool_mode = session in PgBouncer',
    { isConfiguration: true },
  )
}

/** What the server said, and not the connection. */
function isServers(error: unknown): error is Error & { code?: string } {
  return error instanceof Error && 'severity' in error
}
