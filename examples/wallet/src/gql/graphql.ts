/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
export type AssetRequestInput = {
  assetId: string;
  /** Amount that the client buys. Quote.asset.priceSat is its price, which orderTotalSat contains. */
  clientAmount?: string | null | undefined;
  /** Amount on the LSP's side. */
  lspAmount: string;
  /**
   * An id as in `rfqs`, without its LSP. It is an error if more than one of the asked LSPs gives quotes for assets.
   * @deprecated Use rfqs: a quote belongs to one LSP.
   */
  rfqId?: string | null | undefined;
  /**
   * Ids of LSPs' own quotes for the asset's price, when the client buys assets. Each belongs to one LSP. Default: the
   * gateway requests a quote from each LSP that gives them; its id is Quote.asset.rfqId, and its end ends the quote.
   */
  rfqs?: Array<AssetRfqInput> | null | undefined;
};

/** The id of one LSP's own quote for the price of an asset (RFQ). */
export type AssetRfqInput = {
  lspId: string;
  rfqId: string;
};

export type ChannelRequestInput = {
  announceChannel?: boolean;
  asset?: AssetRequestInput | null | undefined;
  /** How long the LSP keeps the channel open, in blocks. 12960 blocks are about 90 days. */
  channelExpiryBlocks?: number;
  /** Address at which the LSP can reach the client's node, host:port. Drafts 0.0.1 and 0.0.2 require it; without it they fail with UNSUPPORTED. */
  clientAddress?: string | null | undefined;
  /** What the client starts with on its own side; it is paid for on top of the fee. */
  clientBalanceSat?: number;
  clientPubkey: string;
  /** The funding transaction must confirm within this many blocks. Default: 6, or the LSP's minimum if it is greater. */
  fundingConfirmsWithinBlocks?: number | null | undefined;
  /** Fee rate of the funding transaction, in satoshis per virtual byte. Only drafts 0.0.1 and 0.0.2 have a field for it; other protocols fail with UNSUPPORTED. Default: the LSP decides. */
  fundingFeeRateSatPerVbyte?: number | null | undefined;
  /** Balance on the LSP's side, which is the client's inbound liquidity. 0 asks for a channel with only a client balance; LSPS1 and ThunderStack fail with UNSUPPORTED. */
  lspBalanceSat: number;
  /** Where to refund an on-chain payment. Without it, on-chain payment is not offered. Drafts 0.0.1 and 0.0.2 have no field for it: there on-chain payment needs no address, and the LSP never gets it. */
  refundOnchainAddress?: string | null | undefined;
  /** Confirmations before the channel is usable; 0 asks for a zero-conf channel. Default: 1, or 6 if the channel is announced, or the LSP's minimum if it is greater. */
  requiredChannelConfirmations?: number | null | undefined;
  /** A coupon or access token of one LSP. */
  tokens?: Array<LspTokenInput> | null | undefined;
};

export type CheckCode =
  | 'AMOUNT_PAID'
  | 'ASSET_ECHOED'
  | 'BIP21_AMOUNT'
  | 'BIP21_PARAMETERS'
  | 'CHANNEL_IDS'
  | 'CLIENT_ECHOED'
  | 'FEE_ADDS_UP'
  | 'FEE_IS_USUAL'
  | 'INVOICE_AMOUNT'
  | 'INVOICE_CLTV'
  | 'INVOICE_DECODES'
  | 'INVOICE_ENDS_WITH_ORDER'
  | 'INVOICE_FALLBACK'
  | 'INVOICE_NETWORK'
  | 'INVOICE_NOT_EXPIRED'
  | 'INVOICE_PAYEE'
  | 'INVOICE_ROUTE_HINTS'
  | 'JIT_CHANNEL'
  | 'LEASE_KEPT'
  | 'LNURL_CHANNEL'
  | 'NOTHING_PAID_YET'
  | 'OFFER_AMOUNT'
  | 'OFFER_DECODES'
  | 'OFFER_IS_NEW'
  | 'OFFER_NETWORK'
  | 'OFFER_NOT_EXPIRED'
  | 'ONCHAIN_ADDRESS'
  | 'ONCHAIN_ADDRESS_IS_NEW'
  | 'ONCHAIN_LIMITS'
  | 'ORDER_ID_IS_NEW'
  | 'PAYMENT_HASH_IS_NEW'
  | 'REFUND_ADDRESS'
  | 'TERMS_ECHOED'
  | 'WITHIN_MAXIMUM';

export type CheckVerdict =
  | 'FAILED'
  | 'PASSED'
  | 'WARNING';

/** What to order, and what the client agrees to. */
export type CreateOrderInput = {
  /**
   * E-mail address for the LSP's own notifications. The order behind a FIRM quote exists already, and is sent without
   * it.
   */
  email?: string | null | undefined;
  /** Chosen by the client, 1 to 255 characters. Use a new key for each new order, and store it before sending. */
  idempotencyKey: string;
  /**
   * The most that may leave the wallet. Applies to each payment option: a more expensive one is withheld, with a check
   * that says so; if none is left, the result is PriceChangedError. Default: for each option, what the quote said.
   */
  maxOrderTotalSat?: number | null | undefined;
  /** Pay by one of these only; the others are withheld. Default: any. */
  paymentMethods?: Array<PaymentMethod> | null | undefined;
  /** The quote to order. */
  quoteId: string;
  /** The client's own reference, up to 255 characters; returned as Order.reference. */
  reference?: string | null | undefined;
};

export type FailureCode =
  /** An answer that is not what its protocol says. */
  | 'BAD_RESPONSE'
  /** The LSP refuses this client. */
  | 'CLIENT_REJECTED'
  /** The LSP rejects the request as invalid; see `field`. */
  | 'INVALID_REQUEST'
  | 'INVALID_TOKEN'
  /** The LSP does not know the order. */
  | 'NOT_FOUND'
  /** Outside the LSP's limits; see `limit`. */
  | 'OPTION_MISMATCH'
  | 'PEER_NOT_CONNECTED'
  /** No price may be asked for now: the LSP tells one by an order that the policy or the courtesy budget forbids, or its budget of estimates is spent. */
  | 'PRICE_UNKNOWN'
  | 'RATE_LIMITED'
  | 'TIMEOUT'
  /** No connection, or a server error. */
  | 'UNAVAILABLE'
  /** This LSP's protocol cannot express the request. */
  | 'UNSUPPORTED'
  /** Its figures, or its invoice, do not add up. */
  | 'UNTRUSTWORTHY'
  /** The LSP finds the order in another state. */
  | 'WRONG_STATE';

export type LspTokenInput = {
  lspId: string;
  token: string;
};

export type NextStepAction =
  /** Connect the node to the LSP. */
  | 'CONNECT_PEER'
  /** Something was paid, and the gateway cannot resolve it. Quote lspOrderId to the LSP. */
  | 'CONTACT_LSP'
  /** Call decideRate. Order.asset has the new price and the new total. */
  | 'DECIDE_RATE'
  /** Payment is withheld; the message says why. */
  | 'DO_NOT_PAY'
  /** The order has ended. */
  | 'NOTHING'
  /** Call openChannel. */
  | 'OPEN_CHANNEL'
  /** Use one of the payment options of the order. */
  | 'PAY'
  /** The lease ends soon. Call renewChannel to extend it. */
  | 'RENEW'
  /** Call requestRefund. */
  | 'REQUEST_REFUND'
  /** Call retryAssetDelivery. */
  | 'RETRY_ASSET_DELIVERY'
  /** Pay the rest on-chain; see the message. */
  | 'TOP_UP'
  /** Nothing to do for now; actor names who acts. */
  | 'WAIT';

export type NextStepActor =
  | 'CLIENT'
  /** The gateway acts by itself. Keep the node connected to the LSP. */
  | 'GATEWAY'
  | 'LSP'
  | 'NOBODY';

export type OrderState =
  | 'AWAITING_PAYMENT'
  /** The LSP is opening the channel, and has not called the order complete. */
  | 'CHANNEL_OPENING'
  /** The LSP has published the funding transaction, which is what bLIP-51 means by it; Order.channel tells the rest. */
  | 'COMPLETED'
  /** Not paid in time. A payment may still arrive late, and the order then moves on. */
  | 'EXPIRED'
  | 'FAILED'
  /** Sent to the LSP; its answer never came, so whether it stands is not known. Nothing was paid. */
  | 'OUTCOME_UNKNOWN'
  /** Paid, or there was nothing to pay; the channel is not on its way yet. */
  | 'PAID'
  /** A hold invoice is paid: the money moves only when the channel opens. */
  | 'PAYMENT_HELD'
  /** The LSP repriced it and waits for decideRate. */
  | 'RATE_DECISION_REQUIRED'
  | 'REFUNDED'
  | 'REFUND_PENDING'
  /** Less than the total has arrived. */
  | 'UNDERPAID'
  /** The LSP used a word this gateway does not know; see lspState. */
  | 'UNKNOWN';

/** A way to pay. More values may follow. */
export type PaymentMethod =
  /** A BOLT 11 invoice. */
  | 'BOLT11'
  /** A BOLT 12 offer. */
  | 'BOLT12'
  /** An on-chain address. */
  | 'ONCHAIN';

export type PriceBasis =
  /** Computed here from the LSP's published tariff. */
  | 'COMPUTED'
  /** The LSP's own estimate. */
  | 'ESTIMATED'
  /** The LSP is bound to it until it expires: an unpaid order stands behind it. */
  | 'FIRM'
  /** What this LSP last asked for the same channel; see observedAt. */
  | 'OBSERVED';

export type OfferFragment = { id: string, basis: PriceBasis, feeTotalSat: number, orderTotalSat: number, channelExpiryBlocks: number, lsp: { id: string, name: string } };

export type CompareQueryVariables = Exact<{
  request: ChannelRequestInput;
  lspIds?: Array<string> | string | null | undefined;
}>;


export type CompareQuery = { quotes: { quotes: Array<{ id: string, basis: PriceBasis, feeTotalSat: number, orderTotalSat: number, channelExpiryBlocks: number, lsp: { id: string, name: string } }>, failures: Array<{ code: FailureCode, message: string, lsp: { id: string } }> } };

export type CreateOrderMutationVariables = Exact<{
  input: CreateOrderInput;
}>;


export type CreateOrderMutation = { createOrder:
    | { __typename: 'IdempotencyConflictError', message: string }
    | { __typename: 'LspError', message: string, code: FailureCode, lsp: { id: string } }
    | { __typename: 'Order', id: string }
    | { __typename: 'PriceChangedError', message: string, quote: { id: string, basis: PriceBasis, feeTotalSat: number, orderTotalSat: number, channelExpiryBlocks: number, lsp: { id: string, name: string } } }
    | { __typename: 'QuoteExpiredError', message: string }
    | { __typename: 'QuoteNotFoundError', message: string }
   };

export type PayableQueryVariables = Exact<{
  orderId: string;
}>;


export type PayableQuery = { order: { nextStep: { action: NextStepAction }, payment: { bolt11: { invoice: string, orderTotalSat: number, expiresAt: string } | null }, checks: Array<{ code: CheckCode, verdict: CheckVerdict, message: string }> } | null };

export type FollowSubscriptionVariables = Exact<{
  orderId: string;
  afterSequence: number;
}>;


export type FollowSubscription = { orderUpdated: { sequence: number, state: OrderState, message: string, snapshot: { nextStep: { actor: NextStepActor, action: NextStepAction, deadline: string | null, message: string }, channel: { fundingOutpoint: string | null, shortChannelId: string | null } | null } } };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}
export const OfferFragmentDoc = new TypedDocumentString(`
    fragment Offer on Quote {
  id
  lsp {
    id
    name
  }
  basis
  feeTotalSat
  orderTotalSat
  channelExpiryBlocks
}
    `, {"fragmentName":"Offer"}) as unknown as TypedDocumentString<OfferFragment, unknown>;
export const CompareDocument = new TypedDocumentString(`
    query Compare($request: ChannelRequestInput!, $lspIds: [ID!]) {
  quotes(request: $request, lspIds: $lspIds, rankBy: TOTAL_FEE) {
    quotes {
      ...Offer
    }
    failures {
      lsp {
        id
      }
      code
      message
    }
  }
}
    fragment Offer on Quote {
  id
  lsp {
    id
    name
  }
  basis
  feeTotalSat
  orderTotalSat
  channelExpiryBlocks
}`) as unknown as TypedDocumentString<CompareQuery, CompareQueryVariables>;
export const CreateOrderDocument = new TypedDocumentString(`
    mutation CreateOrder($input: CreateOrderInput!) {
  createOrder(input: $input) {
    __typename
    ... on Order {
      id
    }
    ... on UserError {
      message
    }
    ... on PriceChangedError {
      quote {
        ...Offer
      }
    }
    ... on LspError {
      code
      lsp {
        id
      }
    }
  }
}
    fragment Offer on Quote {
  id
  lsp {
    id
    name
  }
  basis
  feeTotalSat
  orderTotalSat
  channelExpiryBlocks
}`) as unknown as TypedDocumentString<CreateOrderMutation, CreateOrderMutationVariables>;
export const PayableDocument = new TypedDocumentString(`
    query Payable($orderId: ID!) {
  order(id: $orderId) {
    nextStep {
      action
    }
    payment {
      bolt11 {
        invoice
        orderTotalSat
        expiresAt
      }
    }
    checks {
      code
      verdict
      message
    }
  }
}
    `) as unknown as TypedDocumentString<PayableQuery, PayableQueryVariables>;
export const FollowDocument = new TypedDocumentString(`
    subscription Follow($orderId: ID!, $afterSequence: Int!) {
  orderUpdated(id: $orderId, afterSequence: $afterSequence) {
    sequence
    state
    message
    snapshot {
      nextStep {
        actor
        action
        deadline
        message
      }
      channel {
        fundingOutpoint
        shortChannelId
      }
    }
  }
}
    `) as unknown as TypedDocumentString<FollowSubscription, FollowSubscriptionVariables>;