import { cleanTextOrNull } from '../domain/text.ts'

/** The request's field, by the public schema's path, for each name of an option or a field in the protocols. */
const PROPERTY_NAMES: Readonly<Record<string, string>> = {
  min_required_channel_confirmations: 'requiredChannelConfirmations',
  min_funding_confirms_within_blocks: 'fundingConfirmsWithinBlocks',
  max_channel_expiry_blocks: 'channelExpiryBlocks',
  min_initial_client_balance_sat: 'clientBalanceSat',
  max_initial_client_balance_sat: 'clientBalanceSat',
  min_initial_lsp_balance_sat: 'lspBalanceSat',
  max_initial_lsp_balance_sat: 'lspBalanceSat',
  min_channel_balance_sat: 'lspBalanceSat',
  max_channel_balance_sat: 'lspBalanceSat',
  min_onchain_payment_confirmations: 'refundOnchainAddress',
  min_onchain_payment_size_sat: 'refundOnchainAddress',
  lsp_balance_sat: 'lspBalanceSat',
  client_balance_sat: 'clientBalanceSat',
  required_channel_confirmations: 'requiredChannelConfirmations',
  funding_confirms_within_blocks: 'fundingConfirmsWithinBlocks',
  channel_expiry_blocks: 'channelExpiryBlocks',
  announce_channel: 'announceChannel',
  refund_onchain_address: 'refundOnchainAddress',
  public_key: 'clientPubkey',
  client_pubkey: 'clientPubkey',
  token: 'tokens',
  asset_id: 'asset.assetId',
  lsp_asset_amount: 'asset.lspAmount',
  client_asset_amount: 'asset.clientAmount',
  rfq_id: 'asset.rfqs',
  // bLIP-51 before July 2024.
  confirms_within_blocks: 'fundingConfirmsWithinBlocks',
  // ThunderStack.
  refund_on_chain_address: 'refundOnchainAddress',
  asset_amount: 'asset.lspAmount',
  // The drafts. The client's view: remote is the LSP's side.
  remote_balance: 'lspBalanceSat',
  local_balance: 'clientBalanceSat',
  channel_expiry: 'channelExpiryBlocks',
  coupon_code: 'tokens',
  on_chain_fee_rate: 'fundingFeeRateSatPerVbyte',
  onchain_fee_rate: 'fundingFeeRateSatPerVbyte',
  node_connection_info: 'clientPubkey',
  node_connection_string: 'clientPubkey',
}

/** A name with an underscore is no English word. */
const NAME_IN_TEXT = new RegExp(
  `\\b(${Object.keys(PROPERTY_NAMES)
    .filter((name) => name.includes('_'))
    .join('|')})\\b`,
)

/** `options.min_…` or `min_…`, in the public schema's name; an unknown name stays as the LSP wrote it. */
export function publicPropertyName(name: unknown): string | null {
  const clean = cleanTextOrNull(name, 100)
  if (clean === null) return null
  const last = clean.split('.').at(-1) ?? clean
  return Object.hasOwn(PROPERTY_NAMES, last) ? (PROPERTY_NAMES[last] ?? clean) : clean
}

/** The first field that a sentence names, in the public schema's name. */
export function propertyNamedIn(text: string): string | null {
  return publicPropertyName(NAME_IN_TEXT.exec(text)?.[1])
}
