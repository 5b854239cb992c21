"""The hub's records: one file per noun, one database for ingest, announce and web."""

from broker.hub.records.account import ROLES, Account, ApproverKey, Deputy, Invitation, TrustList
from broker.hub.records.alert import ALERT_STATES, Alert, AlertStep
from broker.hub.records.announcement import (
    Announcement,
    EmergencyTemplate,
    Occurrence,
    Pattern,
    Play,
    PlayStep,
    ReceiptBook,
    Revision,
    Stop,
)
from broker.hub.records.audit import AuditRow, audit_rows, write_audit
from broker.hub.records.camera import (
    Camera,
    CameraLive,
    CameraNotice,
    CameraQuiet,
    CameraSeal,
    CameraSearch,
    CameraSeen,
    CamerasHeld,
    CameraStill,
)
from broker.hub.records.cap import CapMessage, CapSource
from broker.hub.records.certificate import Certificate, EnrolCode, Revocation
from broker.hub.records.change import Change, changes_after, forget_old_changes, newest_change, note_change
from broker.hub.records.channel import Channel, Delivery
from broker.hub.records.citizen import Feedback, HelperCall
from broker.hub.records.content import ContentRevision, SearchWord
from broker.hub.records.database import REFUSALS, Database, DatabaseError, insert_into, open_database
from broker.hub.records.duty import AlertExport, DutyCall, DutyPhone, Incident, Shift
from broker.hub.records.node import (
    AmplifierSeen,
    AmplifierTrouble,
    BoardSeen,
    LocalUseSeen,
    NodeRecord,
    NodeSeen,
    ServiceSeen,
    SpeakerSeen,
    SpeakerTest,
    SpeakerTuning,
)
from broker.hub.records.phrase import Phrase
from broker.hub.records.plan import ContentBundle, Plan
from broker.hub.records.reading import (
    HourDue,
    Measured,
    MeasuredDay,
    MeasuredHour,
    Replica,
    ReplicaDue,
    Series,
)
from broker.hub.records.setting import Sequence, Setting, next_of, put_setting, setting
from broker.hub.records.table import Base, UtcTime
from broker.hub.records.token import Token, TokenSeries
from broker.hub.records.village import Village
from broker.hub.records.wire import Gap, HighWater, Quarantine

__all__ = [
    "ALERT_STATES",
    "REFUSALS",
    "ROLES",
    "Account",
    "Alert",
    "AlertExport",
    "AlertStep",
    "AmplifierSeen",
    "AmplifierTrouble",
    "Announcement",
    "ApproverKey",
    "AuditRow",
    "Base",
    "BoardSeen",
    "Camera",
    "CameraLive",
    "CameraNotice",
    "CameraQuiet",
    "CameraSeal",
    "CameraSearch",
    "CameraSeen",
    "CameraStill",
    "CamerasHeld",
    "CapMessage",
    "CapSource",
    "Certificate",
    "Change",
    "Channel",
    "ContentBundle",
    "ContentRevision",
    "Database",
    "DatabaseError",
    "Delivery",
    "Deputy",
    "DutyCall",
    "DutyPhone",
    "EmergencyTemplate",
    "EnrolCode",
    "Feedback",
    "Gap",
    "HelperCall",
    "HighWater",
    "HourDue",
    "Incident",
    "Invitation",
    "LocalUseSeen",
    "Measured",
    "MeasuredDay",
    "MeasuredHour",
    "NodeRecord",
    "NodeSeen",
    "Occurrence",
    "Pattern",
    "Phrase",
    "Plan",
    "Play",
    "PlayStep",
    "Quarantine",
    "ReceiptBook",
    "Replica",
    "ReplicaDue",
    "Revision",
    "Revocation",
    "SearchWord",
    "Sequence",
    "Series",
    "ServiceSeen",
    "Setting",
    "Shift",
    "SpeakerSeen",
    "SpeakerTest",
    "SpeakerTuning",
    "Stop",
    "Token",
    "TokenSeries",
    "TrustList",
    "UtcTime",
    "Village",
    "audit_rows",
    "changes_after",
    "forget_old_changes",
    "insert_into",
    "newest_change",
    "next_of",
    "note_change",
    "open_database",
    "put_setting",
    "setting",
    "write_audit",
]
