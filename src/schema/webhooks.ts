import { z } from 'zod'
import { builder } from './builder.ts'
import type { Delivery } from '../store/webhooks.ts'
import type { WebhookStatus } from '../webhooks/webhooks.ts'

const WebhookDeliveryStateEnum = builder.enumType('WebhookDeliveryState', {
  description: 'State of a delivery. More values may follow.',
  values: {
    PENDING: { description: 'It will be tried, or tried again, at nextAttemptAt.' },
    GIVEN_UP: { description: 'It failed for too long. retryWebhookDelivery tries it again.' },
  } as const,
})

const WebhookDeliveryType = builder.objectRef<Delivery>('WebhookDelivery').implement({
  description: 'An event that the webhook has not accepted. Accepted deliveries are not kept.',
  fields: (t) => ({
    orderId: t.exposeID('orderId', { description: 'Id of the order or renewal.' }),
    sequence: t.exposeInt('sequence', { description: 'Sequence number of the event.' }),
    state: t.expose('state', { type: WebhookDeliveryStateEnum, description: 'Whether it will be tried again.' }),
    attempts: t.exposeInt('attempts', { description: 'How often it was tried.' }),
    nextAttemptAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it is tried next, after the earlier events of the same order. null: it was given up.',
      resolve: ({ state, nextAttemptAt }) => (state === 'PENDING' ? nextAttemptAt : null),
    }),
    lastError: t.exposeString('lastError', {
      nullable: true,
      description: 'Why the last attempt failed. null: it was not tried yet.',
    }),
  }),
})

const WebhookStatusType = builder.objectRef<WebhookStatus>('WebhookStatus').implement({
  description:
    "The caller's webhook: each event of its orders is posted there, in the order of the events of each order, at least once.",
  fields: (t) => ({
    host: t.exposeString('host', { description: 'Host of its URL; the rest may be a secret.' }),
    pendingCount: t.exposeInt('pending', { description: 'Number of events that it has not accepted yet.' }),
    oldestPendingAt: t.expose('oldestPendingAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the oldest of them happened. null: none is pending.',
    }),
    givenUpCount: t.exposeInt('givenUp', {
      description: 'Number of events that it did not accept, and that are not tried again.',
    }),
    lastSuccessAt: t.expose('lastSuccessAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it last took an event. null: it took none yet.',
    }),
    lastFailureAt: t.expose('lastFailureAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it last failed to take one. null: it has not failed.',
    }),
    lastError: t.exposeString('lastError', {
      nullable: true,
      description: 'Why the last failed delivery failed. null: none failed.',
    }),
    disabledAt: t.expose('disabledAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When it answered 410. It gets nothing more until the gateway restarts or its configuration changes. null: it is enabled.',
    }),
  }),
})

builder.queryFields((t) => ({
  webhook: t.field({
    type: WebhookStatusType,
    nullable: true,
    description: "State of the caller's webhook. null: the operator configured none.",
    resolve: (_, __, { gateway, clientId }) => gateway.webhooks.status(clientId),
  }),
  webhookDeliveries: t.field({
    type: [WebhookDeliveryType],
    description: "The caller's deliveries in one state, oldest first.",
    args: {
      state: t.arg({ type: WebhookDeliveryStateEnum, required: true, description: 'Only deliveries in this state.' }),
      first: t.arg.int({
        required: true,
        defaultValue: 20,
        description: 'Number of deliveries, 1 to 100.',
        validate: z.number().min(1, 'at least 1 is wanted').max(100, 'at most 100'),
      }),
    },
    resolve: (_, { state, first }, { gateway, clientId }) => gateway.webhooks.deliveries(clientId, state, first),
  }),
}))

builder.mutationField('retryWebhookDelivery', (t) =>
  t.field({
    type: WebhookDeliveryType,
    nullable: true,
    description:
      'Tries a delivery now, also one that was given up. null: there is no such delivery; the webhook may have accepted it.',
    args: {
      orderId: t.arg.id({ required: true, description: 'Id of the order or renewal.' }),
      sequence: t.arg.int({ required: true, description: 'Sequence number of the event.' }),
    },
    resolve: (_, { orderId, sequence }, { gateway, clientId }) => gateway.webhooks.retry(clientId, orderId, sequence),
  }),
)
