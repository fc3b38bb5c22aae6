import type { GatewayConfig } from '../../config.ts'
import type { TrustedDocumentsConfig } from '../../config/access.ts'
import type { Clock } from '../../domain/time.ts'
import { isLocalHost } from '../../upstream/addresses.ts'
import { Clients } from '../clients.ts'
import { Addresses } from './addresses.ts'
import { RateLimits } from './rate-limits.ts'
import { Sites } from './sites.ts'
import { OpenSockets } from './sockets.ts'
import { OpenSubscriptions } from './subscriptions.ts'
import { DocumentManifest } from './trusted-documents.ts'

/** Who may ask, from where, for what and how much: what every transport goes by. */
export interface Access {
  readonly limits: GatewayConfig['limits']
  readonly clients: Clients
  readonly addresses: Addresses
  readonly sites: Sites
  readonly rates: RateLimits
  readonly sockets: OpenSockets
  readonly subscriptions: OpenSubscriptions
  readonly documents: { manifest: DocumentManifest | null; level: TrustedDocumentsConfig['level'] }
}

export type AccessSettings = Pick<
  GatewayConfig,
  'clients' | 'limits' | 'jwt' | 'trustedProxies' | 'allowedOrigins' | 'trustedDocuments'
>

/** @throws ConfigError when the manifest of documents cannot be read */
export async function openAccess(
  { clients: configured, limits, jwt, trustedProxies, allowedOrigins, trustedDocuments }: AccessSettings,
  host: string,
  clock: Clock,
): Promise<Access> {
  const clients = new Clients(configured, { limits, jwt }, clock)
  return {
    limits,
    clients,
    addresses: new Addresses(trustedProxies),
    sites: new Sites(allowedOrigins, { isLocal: isLocalHost(host), haveKeys: () => clients.haveKeys }),
    rates: new RateLimits(limits),
    sockets: new OpenSockets(limits),
    subscriptions: new OpenSubscriptions(limits),
    documents: {
      manifest: trustedDocuments && (await DocumentManifest.load(trustedDocuments.manifest)),
      level: trustedDocuments?.level ?? 'allow',
    },
  }
}
