"""Make a user who may submit, and print an API token, for the site that DJANGO_SETTINGS_MODULE names."""

from __future__ import annotations

import django
from django.core.management import call_command


def main() -> None:
    django.setup()
    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import Permission, User
    from knox.models import AuthToken

    user = User.objects.create_user("submitter")
    user.user_permissions.set(Permission.objects.filter(codename__in=["submit_task", "view_task"]))
    print(AuthToken.objects.create(user)[1])


if __name__ == "__main__":
    main()
