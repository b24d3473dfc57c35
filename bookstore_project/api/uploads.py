"""How large an upload may be, before anybody spools it to the disk."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler


class UploadTooLarge(RequestDataTooBig):
    """Says how large one may be."""


class BoundedUpload(FileUploadHandler):
    """The first of FILE_UPLOAD_HANDLERS: refuses a request with files that is larger than UPLOAD_MAX_BYTES (413).

    It goes by the length that the request names, and doesn't ask who sends it: a form's own check comes when the file
    has been read. Other requests are bounded by DATA_UPLOAD_MAX_MEMORY_SIZE.
    """

    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,  # noqa: N803  (Django passes it by this name)
        content_length: int,
        *args: Any,
        **more: Any,
    ) -> None:
        if content_length > settings.UPLOAD_MAX_BYTES:
            raise UploadTooLarge(f"The upload is larger than {settings.UPLOAD_MAX_BYTES >> 20} MiB.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
