/* eslint-disable */
import * as types from './graphql.ts';



/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "fragment Offer on Quote {\n  id\n  lsp {\n    id\n    name\n  }\n  basis\n  feeTotalSat\n  orderTotalSat\n  channelExpiryBlocks\n}\n\nquery Compare($request: ChannelRequestInput!, $lspIds: [ID!]) {\n  quotes(request: $request, lspIds: $lspIds, rankBy: TOTAL_FEE) {\n    quotes {\n      ...Offer\n    }\n    failures {\n      lsp {\n        id\n      }\n      code\n      message\n    }\n  }\n}\n\nmutation CreateOrder($input: CreateOrderInput!) {\n  createOrder(input: $input) {\n    __typename\n    ... on Order {\n      id\n    }\n    ... on UserError {\n      message\n    }\n    ... on PriceChangedError {\n      quote {\n        ...Offer\n      }\n    }\n    ... on LspError {\n      code\n      lsp {\n        id\n      }\n    }\n  }\n}\n\nquery Payable($orderId: ID!) {\n  order(id: $orderId) {\n    nextStep {\n      action\n    }\n    payment {\n      bolt11 {\n        invoice\n        orderTotalSat\n        expiresAt\n      }\n    }\n    checks {\n      code\n      verdict\n      message\n    }\n  }\n}\n\nsubscription Follow($orderId: ID!, $afterSequence: Int!) {\n  orderUpdated(id: $orderId, afterSequence: $afterSequence) {\n    sequence\n    state\n    message\n    snapshot {\n      nextStep {\n        actor\n        action\n        deadline\n        message\n      }\n      channel {\n        fundingOutpoint\n        shortChannelId\n      }\n    }\n  }\n}": typeof types.OfferFragmentDoc,
};
const documents: Documents = {
    "fragment Offer on Quote {\n  id\n  lsp {\n    id\n    name\n  }\n  basis\n  feeTotalSat\n  orderTotalSat\n  channelExpiryBlocks\n}\n\nquery Compare($request: ChannelRequestInput!, $lspIds: [ID!]) {\n  quotes(request: $request, lspIds: $lspIds, rankBy: TOTAL_FEE) {\n    quotes {\n      ...Offer\n    }\n    failures {\n      lsp {\n        id\n      }\n      code\n      message\n    }\n  }\n}\n\nmutation CreateOrder($input: CreateOrderInput!) {\n  createOrder(input: $input) {\n    __typename\n    ... on Order {\n      id\n    }\n    ... on UserError {\n      message\n    }\n    ... on PriceChangedError {\n      quote {\n        ...Offer\n      }\n    }\n    ... on LspError {\n      code\n      lsp {\n        id\n      }\n    }\n  }\n}\n\nquery Payable($orderId: ID!) {\n  order(id: $orderId) {\n    nextStep {\n      action\n    }\n    payment {\n      bolt11 {\n        invoice\n        orderTotalSat\n        expiresAt\n      }\n    }\n    checks {\n      code\n      verdict\n      message\n    }\n  }\n}\n\nsubscription Follow($orderId: ID!, $afterSequence: Int!) {\n  orderUpdated(id: $orderId, afterSequence: $afterSequence) {\n    sequence\n    state\n    message\n    snapshot {\n      nextStep {\n        actor\n        action\n        deadline\n        message\n      }\n      channel {\n        fundingOutpoint\n        shortChannelId\n      }\n    }\n  }\n}": types.OfferFragmentDoc,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "fragment Offer on Quote {\n  id\n  lsp {\n    id\n    name\n  }\n  basis\n  feeTotalSat\n  orderTotalSat\n  channelExpiryBlocks\n}\n\nquery Compare($request: ChannelRequestInput!, $lspIds: [ID!]) {\n  quotes(request: $request, lspIds: $lspIds, rankBy: TOTAL_FEE) {\n    quotes {\n      ...Offer\n    }\n    failures {\n      lsp {\n        id\n      }\n      code\n      message\n    }\n  }\n}\n\nmutation CreateOrder($input: CreateOrderInput!) {\n  createOrder(input: $input) {\n    __typename\n    ... on Order {\n      id\n    }\n    ... on UserError {\n      message\n    }\n    ... on PriceChangedError {\n      quote {\n        ...Offer\n      }\n    }\n    ... on LspError {\n      code\n      lsp {\n        id\n      }\n    }\n  }\n}\n\nquery Payable($orderId: ID!) {\n  order(id: $orderId) {\n    nextStep {\n      action\n    }\n    payment {\n      bolt11 {\n        invoice\n        orderTotalSat\n        expiresAt\n      }\n    }\n    checks {\n      code\n      verdict\n      message\n    }\n  }\n}\n\nsubscription Follow($orderId: ID!, $afterSequence: Int!) {\n  orderUpdated(id: $orderId, afterSequence: $afterSequence) {\n    sequence\n    state\n    message\n    snapshot {\n      nextStep {\n        actor\n        action\n        deadline\n        message\n      }\n      channel {\n        fundingOutpoint\n        shortChannelId\n      }\n    }\n  }\n}"): typeof import('./graphql.ts').OfferFragmentDoc;


export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}
