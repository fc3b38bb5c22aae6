/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** The asset side of an RGB channel. */
export type AssetRequestInput = {
  /** RGB contract id of the asset. */
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
  /** Id of the LSP. */
  lspId: string;
  /** The LSP's id of its quote, 1 to 256 characters. */
  rfqId: string;
};

/** The channel that a client wants. */
export type ChannelRequestInput = {
  /** Whether the channel is announced to the network. */
  announceChannel?: boolean;
  /** The RGB asset in the channel. Default: none. */
  asset?: AssetRequestInput | null | undefined;
  /** How long the LSP must keep the channel open, in blocks. 12960 blocks are about 90 days. */
  channelExpiryBlocks?: number;
  /** Address at which the LSP can reach the client's node, host:port. Drafts 0.0.1 and 0.0.2 require it; without it they fail with UNSUPPORTED. */
  clientAddress?: string | null | undefined;
  /** Balance on the client's side, in satoshis. The client pays it in addition to the fee. */
  clientBalanceSat?: number;
  /** Public key of the client's node. */
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
  /** Coupons or access tokens, for individual LSPs. */
  tokens?: Array<LspTokenInput> | null | undefined;
};

/** What a check verifies. More values may follow: for an unknown one, go by verdict. */
export type CheckCode =
  /** No more than the total was paid. */
  | 'AMOUNT_PAID'
  /** The LSP confirms the asset and its amounts. */
  | 'ASSET_ECHOED'
  /** The LSP's payment URI has the address and the total of the on-chain option. */
  | 'BIP21_AMOUNT'
  /** The payment URI requires nothing that the gateway does not know. */
  | 'BIP21_PARAMETERS'
  /** The channel's ids have the right form. */
  | 'CHANNEL_IDS'
  /** The LSP confirms the client's node. */
  | 'CLIENT_ECHOED'
  /** The total is the fee, the client balance and the price of a bought asset. */
  | 'FEE_ADDS_UP'
  /** The fee is in proportion to the channel and to the LSP's last price for it. */
  | 'FEE_IS_USUAL'
  /** The invoice is for the order's total. */
  | 'INVOICE_AMOUNT'
  /** The invoice does not lock a failed payment for long. */
  | 'INVOICE_CLTV'
  /** The invoice is valid, and its signature is. */
  | 'INVOICE_DECODES'
  /** The invoice expires no later than the order. */
  | 'INVOICE_ENDS_WITH_ORDER'
  /** The invoice's fallback address is the address of the on-chain option. */
  | 'INVOICE_FALLBACK'
  /** The invoice is for the LSP's network. */
  | 'INVOICE_NETWORK'
  /** The invoice has not expired. */
  | 'INVOICE_NOT_EXPIRED'
  /** The invoice is signed by one of the LSP's nodes. */
  | 'INVOICE_PAYEE'
  /** What the invoice's route hints cost. */
  | 'INVOICE_ROUTE_HINTS'
  /** The route hint is valid, and a payment through it costs no more than agreed. */
  | 'JIT_CHANNEL'
  /** The channel lasts as long as it was ordered for. */
  | 'LEASE_KEPT'
  /** The LNURL is valid. */
  | 'LNURL_CHANNEL'
  /** The LSP reports no payment for an order that was just placed. */
  | 'NOTHING_PAID_YET'
  /** The offer is for the order's total. */
  | 'OFFER_AMOUNT'
  /** The BOLT 12 offer is valid. */
  | 'OFFER_DECODES'
  /** No other order is paid by the same offer. */
  | 'OFFER_IS_NEW'
  /** The offer is for the LSP's network. */
  | 'OFFER_NETWORK'
  /** The offer has not expired. */
  | 'OFFER_NOT_EXPIRED'
  /** The address is valid on the LSP's network. */
  | 'ONCHAIN_ADDRESS'
  /** No other order is paid to the same address. */
  | 'ONCHAIN_ADDRESS_IS_NEW'
  /** The on-chain option is within the LSP's own limits. */
  | 'ONCHAIN_LIMITS'
  /** The LSP's id of the order is not another order's. */
  | 'ORDER_ID_IS_NEW'
  /** No other order is paid by the same payment hash. */
  | 'PAYMENT_HASH_IS_NEW'
  /** The LSP refunds an on-chain payment to the address of the request. */
  | 'REFUND_ADDRESS'
  /** The LSP confirms the channel as it was requested. */
  | 'TERMS_ECHOED'
  /** The payment option costs no more than the client agreed to, by a method that it allows. */
  | 'WITHIN_MAXIMUM';

/** Result of a check. */
export type CheckVerdict =
  /** Not as expected. The payment option, or the whole offer, is withheld. */
  | 'FAILED'
  /** As expected. */
  | 'PASSED'
  /** Not as expected, and no reason not to pay; or one payment option is withheld. */
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

/** Why an LSP gave no price or no order. More values may follow. */
export type FailureCode =
  /** The response does not follow the LSP's protocol. */
  | 'BAD_RESPONSE'
  /** The LSP refuses this client. */
  | 'CLIENT_REJECTED'
  /** The LSP rejects the request as invalid; see field. */
  | 'INVALID_REQUEST'
  /** The LSP does not accept the token. */
  | 'INVALID_TOKEN'
  /** The LSP does not know the order. */
  | 'NOT_FOUND'
  /** The request is outside the LSP's limits; see limit. */
  | 'OPTION_MISMATCH'
  /** The client's node is not connected to the LSP. */
  | 'PEER_NOT_CONNECTED'
  /** No price is available now: this LSP quotes only by placing an order, which `firm` or the courtesy budget does not allow. See retryAt. */
  | 'PRICE_UNKNOWN'
  /** The LSP, or the budget of requests to it, allows no further request before retryAt. */
  | 'RATE_LIMITED'
  /** The LSP did not answer in time. */
  | 'TIMEOUT'
  /** The connection failed, or the LSP had an error. */
  | 'UNAVAILABLE'
  /** This LSP's protocol cannot express part of the request; see field. */
  | 'UNSUPPORTED'
  /** The offer failed verification: its amounts or its invoice are inconsistent. */
  | 'UNTRUSTWORTHY'
  /** The LSP's order is in another state. */
  | 'WRONG_STATE';

/** A coupon or access token of one LSP. No other LSP gets it. */
export type LspTokenInput = {
  /** Id of the LSP. */
  lspId: string;
  /** The token, up to 1024 characters. */
  token: string;
};

/** What the actor does. More values may follow: for an unknown one, show nextStep.message. */
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

/** Who acts next. */
export type NextStepActor =
  /** The client, by `action`. */
  | 'CLIENT'
  /** The gateway acts by itself. Keep the node connected to the LSP. */
  | 'GATEWAY'
  /** The LSP. Keep the node connected to it. */
  | 'LSP'
  /** Nothing more is expected. */
  | 'NOBODY';

/** State of an order. More values may follow: for an unknown one, go by nextStep, payability and isFinal. */
export type OrderState =
  /** The LSP waits for the payment. */
  | 'AWAITING_PAYMENT'
  /** The LSP is opening the channel; the funding transaction is not known yet. */
  | 'CHANNEL_OPENING'
  /** The LSP has published the funding transaction (bLIP-51's meaning of COMPLETED). Order.channel has the channel's own state. */
  | 'COMPLETED'
  /** Not paid in time. If a payment arrives late, the order continues. */
  | 'EXPIRED'
  /** The LSP does not open the channel; see failureReason. */
  | 'FAILED'
  /** Sent to the LSP, but no answer came: it is not known whether the LSP has the order. Nothing was paid. */
  | 'OUTCOME_UNKNOWN'
  /** Paid, or nothing was due. The LSP has not started opening the channel. */
  | 'PAID'
  /** The hold invoice is paid. The payment settles only when the channel opens. */
  | 'PAYMENT_HELD'
  /** The LSP changed the price and waits for decideRate. */
  | 'RATE_DECISION_REQUIRED'
  /** The LSP refunded the payment. */
  | 'REFUNDED'
  /** The LSP has to refund the payment. */
  | 'REFUND_PENDING'
  /** Less than the total was paid. */
  | 'UNDERPAID'
  /** The LSP reported a state that this gateway does not know; see lspState. */
  | 'UNKNOWN';

/** A way to pay. More values may follow. */
export type PaymentMethod =
  /** A BOLT 11 invoice. */
  | 'BOLT11'
  /** A BOLT 12 offer. */
  | 'BOLT12'
  /** An on-chain address. */
  | 'ONCHAIN';

/** How binding a price is. More values may follow. */
export type PriceBasis =
  /** Computed from the LSP's published tariff. */
  | 'COMPUTED'
  /** The LSP's own estimate, or an estimate from its latest prices; see Quote.fit. */
  | 'ESTIMATED'
  /** Binding until it expires: an unpaid order at the LSP backs it. */
  | 'FIRM'
  /** The last price that the LSP asked for the same channel; see observedAt. */
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