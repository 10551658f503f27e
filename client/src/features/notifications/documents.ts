/** Which notifications are also sent by email. */
import { graphql } from '@/api';

export const MailedNotifications = graphql(`
  query MailedNotifications {
    viewer {
      id
      mailedNotifications
    }
  }
`);

export const SetMailedNotifications = graphql(`
  mutation SetMailedNotifications($kinds: [NotificationKind!]!) {
    setMailedNotifications(input: { kinds: $kinds }) {
      __typename
      ... on MailedNotificationsSet {
        viewer {
          id
          mailedNotifications
        }
      }
      ... on UserError {
        message
      }
    }
  }
`);
