import { randomBytes } from 'node:crypto'
import { startTestGateway, type TestGateway, type TestGatewayOptions } from '../support/gateway.ts'
import { ORDER_FIELDS, type OrderData } from '../support/operations.ts'

export type Imported = OrderData & { __typename: string; code: string; message: string }

export const EXPORT = 'query ($id: ID!, $sealKey: String) { orderExport(id: $id, sealKey: $sealKey) }'
export const IMPORT = `mutation ($document: String!, $sealKey: String) { importOrder(document: $document, sealKey: $sealKey) { __typename ... on Order { ${ORDER_FIELDS} } ... on ImportError { code message } } }`

/** As `openssl rand -hex 32` makes one. */
export const newSealKey = () => randomBytes(32).toString('hex')

export async function exported(gateway: TestGateway, id: string, sealKey?: string): Promise<string> {
  return (await gateway.ask(EXPORT, { id, sealKey })).orderExport
}

export async function importInto(gateway: TestGateway, document: string, sealKey?: string): Promise<Imported> {
  return (await gateway.ask(IMPORT, { document, sealKey })).importOrder
}

/** Two gateways at the same simulated LSP: the host that is left, and the one that is moved to. */
export async function twoGateways(only: string, options: TestGatewayOptions = {}) {
  const from = await startTestGateway({ sandbox: { only: [only] } })
  const to = await startTestGateway({ ...options, beside: from })
  return {
    from,
    to,
    async [Symbol.asyncDispose]() {
      await to[Symbol.asyncDispose]()
      await from[Symbol.asyncDispose]()
    },
  }
}

/** The document with something in it changed. */
// oxlint-disable-next-line typescript/no-explicit-any -- a forger may put anything anywhere
export function forged(document: string, forge: (parsed: any) => void): string {
  const parsed: unknown = JSON.parse(document)
  forge(parsed)
  return JSON.stringify(parsed)
}
